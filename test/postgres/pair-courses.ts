// Courses of two operations: one after the other, which says what is right, and into each other, which must come out as one of those.
import { ChironError } from "../../src/core/errors.ts";
import { Given } from "../contract/given.ts";
import {
  finish,
  look,
  OPERATIONS,
  PASSES_BY,
  plain,
  stage,
  type Beginning,
  type OperationName,
  type Scene,
} from "./pair-operations.ts";
import type { Hand, World } from "./pair-world.ts";

/** The first hand's operation and the second's. */
export type Pair = readonly [first: OperationName, second: OperationName];

/** What an operation answers that found everything held by others. */
const NOTHING = "[]";

/** A lock that a third session holds for a while: SQL with the task as $1, the child's as $2 and the event as $3. */
export interface HeldPoint {
  readonly name: string;
  readonly sql: string;
}

export class Courses {
  readonly #world: World;
  readonly #known: Map<string, Promise<string>>;

  /** `known` may be shared: what comes of operations one after the other is the same everywhere. */
  constructor(world: World, known: Map<string, Promise<string>>) {
    this.#world = world;
    this.#known = known;
  }

  /** The second starts while the first's transaction is open. Answers what is wrong. */
  async intoOpenTransaction(beginning: Beginning, pair: Pair): Promise<string[]> {
    const committed = await this.#intoOpenTransaction(beginning, pair, "commit");
    // Where the second neither waited nor passed by, it did not care how the first ends.
    if (!committed.waited && !PASSES_BY.has(pair[1])) return committed.wrong;
    return [...committed.wrong, ...(await this.#intoOpenTransaction(beginning, pair, "rollback")).wrong];
  }

  async #intoOpenTransaction(beginning: Beginning, pair: Pair, how: "commit" | "rollback") {
    const { first, second, clock } = this.#world;
    const scene = await stage(this.#world, beginning);
    await first.begin(new Date(clock.now()));
    const begun = await this.#do(first, pair[0], scene);
    const later = this.#do(second, pair[1], scene);
    const waited = await this.#world.waits(second, later);
    await first.end(how);
    const outcome = this.#outcome(how === "commit" ? begun : "-", await later, await look(this.#world, scene));
    const name = `${pair.join(" / ")}, ${beginning}, ${how}`;
    const right = () => (how === "commit" ? this.#right(beginning, pair) : this.#rightAlone(beginning, pair[1]));
    return { waited, wrong: await this.#judge(scene, name, outcome, right) };
  }

  /**
   * A third session holds a row until the first operation waits for it in the middle of its statement and the second has gone as far
   * as it can. Answers what is wrong; null where the first does not need the row.
   */
  async aroundHeldPoint(beginning: Beginning, pair: Pair, point: HeldPoint): Promise<string[] | null> {
    const { first, second, observer } = this.#world;
    const scene = await stage(this.#world, beginning);
    await observer.query("begin");
    await observer.query(point.sql, [scene.task, scene.child.taskId, scene.event]);
    const one = this.#do(first, pair[0], scene);
    const reached = await this.#world.waits(first, one);
    const two = reached ? this.#do(second, pair[1], scene) : null;
    if (two) await this.#world.waits(second, two);
    await observer.query("commit");
    const answers = [await one, two && (await two)] as const;
    if (!two) {
      await finish(this.#world, scene);
      return null;
    }
    const outcome = this.#outcome(answers[0], answers[1]!, await look(this.#world, scene));
    const name = `${pair.join(" / ")}, ${beginning}, ${point.name}`;
    return this.#judge(scene, name, outcome, () => this.#right(beginning, pair));
  }

  async #judge(scene: Scene, name: string, outcome: string, rightOf: () => Promise<string[]>): Promise<string[]> {
    const left = await finish(this.#world, scene);
    const right = await rightOf();
    if (left.length > 0) return [`${name}: left ${left.join(" ")} behind\n${outcome}`];
    return right.includes(outcome) ? [] : [`${name}:\n  got   ${outcome}\n  right ${right.join("\n     or ")}`];
  }

  /** How a pair may come out. */
  async #right(beginning: Beginning, [a, b]: Pair): Promise<string[]> {
    const right = [await this.#inOrder(beginning, [a, b], "12"), swapped(await this.#inOrder(beginning, [b, a], "12"))];
    if (PASSES_BY.has(b)) right.push(await this.#inOrder(beginning, [a, b], "1"));
    if (PASSES_BY.has(a)) right.push(await this.#inOrder(beginning, [a, b], "2"));
    return right;
  }

  async #rightAlone(beginning: Beginning, b: OperationName): Promise<string[]> {
    const done = await this.#inOrder(beginning, [null, b], "2");
    return PASSES_BY.has(b) ? [done, await this.#inOrder(beginning, [null, b], "")] : [done];
  }

  /** The outcome of these hands' operations one after the other; a hand that is left out found nothing to do. */
  #inOrder(beginning: Beginning, pair: readonly [OperationName | null, OperationName], order: string): Promise<string> {
    const key = [beginning, ...pair, order].join("|");
    const known = this.#known.get(key) ?? this.#play(beginning, pair, order);
    this.#known.set(key, known);
    return known;
  }

  async #play(beginning: Beginning, [a, b]: readonly [OperationName | null, OperationName], order: string) {
    const { first, second } = this.#world;
    const scene = await stage(this.#world, beginning);
    const answers = { "1": a === null ? "-" : NOTHING, "2": NOTHING };
    for (const hand of order as Iterable<"1" | "2">) {
      answers[hand] = await (hand === "1" ? this.#do(first, a!, scene) : this.#do(second, b, scene));
    }
    const outcome = this.#outcome(answers["1"], answers["2"], await look(this.#world, scene));
    const left = await finish(this.#world, scene);
    if (left.length > 0)
      throw new Error(`${a} and ${b} from ${beginning}, one after the other, leave a task ${left[0]}`);
    return outcome;
  }

  #outcome(first: string, second: string, seen: string): string {
    return `one: ${first}, two: ${second}, then ${seen}`;
  }

  /** The answer without ids and times, or the error; never rejects. */
  async #do(hand: Hand, operation: OperationName, scene: Scene): Promise<string> {
    try {
      return plain(await OPERATIONS[operation](new Given(hand.store, this.#world.clock), scene, hand.name), scene);
    } catch (error) {
      return error instanceof ChironError
        ? `error ${error.code}`
        : `error ${(error as { code?: string }).code} ${String(error)}`;
    }
  }
}

/** The outcome with the hands exchanged. */
function swapped(outcome: string): string {
  const [, one, two, seen] = /^one: (.*), two: (.*), then (.*)$/s.exec(outcome)!;
  const exchange = (text: string): string =>
    text.replace(/\b(?:one|two)\b/g, (name) => (name === "one" ? "two" : "one"));
  return `one: ${exchange(two!)}, two: ${exchange(one!)}, then ${exchange(seen!)}`;
}
