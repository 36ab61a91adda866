// One window of a load on a peer in this process: keeps a number of runs under way and counts those whose handler returned, which is a
// little early and in the peer's favour; what its store says at the end must agree.

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** `start` begins one run; `completed` is to be called at the end of each. `counted` answers how many the store holds as completed. */
export function createWindow({ backlog, warmMs, measureMs, start, counted }) {
  let completed = 0;
  let outstanding = 0;
  let stopped = false;
  const fail = (error) => {
    console.error(error);
    process.exit(1);
  };
  const pump = () => {
    while (!stopped && outstanding < backlog) {
      outstanding += 1;
      start().catch(fail);
    }
  };
  return {
    completed() {
      completed += 1;
      outstanding -= 1;
      pump();
    },
    async measure() {
      pump();
      await wait(warmMs);
      const before = { at: performance.now(), completed, cpu: cpuMs() };
      await wait(measureMs);
      const after = { at: performance.now(), completed, cpu: cpuMs() };
      stopped = true;
      while (outstanding > 0) await wait(20);
      const runs = after.completed - before.completed;
      const figures = {
        runsPerSecond: (runs * 1_000) / (after.at - before.at),
        cpuMs: (after.cpu - before.cpu) / runs,
        handled: completed,
        stored: await stored(counted, () => completed),
      };
      console.log(JSON.stringify(figures));
    },
  };
}

/** The last ends are written a moment after their handlers returned. */
async function stored(counted, completed) {
  for (let look = 0; look < 100; look += 1) {
    const count = await counted();
    if (count >= completed()) return count;
    await wait(50);
  }
  return counted();
}

/** What the bench passes: where the store is, runs in flight, warm-up and window in ms, runs kept under way. */
export function windowArguments() {
  const [url, inFlight, warmMs, measureMs, backlog] = process.argv.slice(2);
  return {
    url,
    inFlight: Number(inFlight),
    warmMs: Number(warmMs),
    measureMs: Number(measureMs),
    backlog: Number(backlog),
  };
}
