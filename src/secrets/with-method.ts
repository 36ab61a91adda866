// An object with one method replaced; all others keep their object as `this`.

export function withMethod<T extends object, K extends keyof T>(target: T, name: K, method: T[K]): T {
  // Store calls are made thousands of times a second: each is bound once.
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(whole, key) {
      if (key === name) return method;
      const known = bound.get(key);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(whole, key, whole);
      if (typeof value !== "function") return value;
      const own: unknown = value.bind(whole);
      bound.set(key, own);
      return own;
    },
  });
}
