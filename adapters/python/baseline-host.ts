export function createBaselineHost(o: any): any {
  return o;
}
