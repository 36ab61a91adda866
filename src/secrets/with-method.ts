// An object with one method replaced; all others keep their object as `this`.

export function withMethod<T extends object, K extends keyof T>(target: T, name: K, method: T[K]): T {
  return new Proxy(target, {
    get(whole, key) {
      if (key === name) return method;
      const value: unknown = Reflect.get(whole, key, whole);
      return typeof value === "function" ? (value.bind(whole) as unknown) : value;
    },
  });
}
