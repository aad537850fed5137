/** What a message can say was found, or is allowed. */
export type Told = string | number | bigint;

/** The bytes break a rule of docs/format.md; `rule` names it. */
export class NtcError extends Error {
  override readonly name = "NtcError";

  constructor(
    readonly rule: string,
    /** Bytes from the start of the file, or of the unpacked section that the rule is about. */
    readonly offset: number,
    found: Told,
    allowed: Told,
  ) {
    super(`${rule} at byte ${offset}: found ${found}, allowed ${allowed}`);
  }
}

/** Throws NtcError unless `ok`. */
export function require(
  ok: boolean,
  rule: string,
  offset: number,
  found: Told,
  allowed: Told,
): asserts ok {
  if (!ok) throw new NtcError(rule, offset, found, allowed);
}
