/** A promise that resolves to `value` after some milliseconds, for a race. Dispose of it after the race. */
export function timeout<T>(milliseconds: number, value: T): Disposable & { readonly promise: Promise<T> } {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(resolve, milliseconds, value);
  return { promise, [Symbol.dispose]: () => clearTimeout(timer) };
}
