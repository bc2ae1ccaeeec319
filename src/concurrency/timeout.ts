/** Resolves to `value` after so many milliseconds, for a race. Dispose of it when the race is decided. */
export function timeout<T>(milliseconds: number, value: T): Disposable & { readonly promise: Promise<T> } {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(resolve, milliseconds, value);
  return { promise, [Symbol.dispose]: () => clearTimeout(timer) };
}
