/** Traps of a wasm module. */
import { messageOf } from '../domain/errors';

/** `RangeError` and `InternalError` are the names that browsers give a stack overflow. Comlink keeps an error's name. */
const TRAPS = ['RuntimeError', 'RangeError', 'InternalError'];

/** True if a wasm module trapped: its memory is then in an undefined state, and it must not be used again. */
export function isTrap(error: unknown): error is Error {
  return error instanceof Error && TRAPS.includes(error.name);
}

/** What `make` returns. `describe` gives its error a text for the user. A trap passes unchanged, so that the page restarts the worker. */
export function explained<T>(make: () => T, describe: (cause: string) => string): T {
  try {
    return make();
  } catch (error) {
    if (isTrap(error)) throw error;
    throw new Error(describe(messageOf(error)));
  }
}

/** Returns `session` with calls that fail for good after the first trap. */
export function failAfterTrap<T extends object>(session: T): T {
  let trap: Error | null = null;
  return new Proxy(session, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if (trap) throw trap;
        try {
          return member.apply(target, args);
        } catch (error) {
          if (isTrap(error)) trap = error;
          throw error;
        }
      };
    },
  });
}
