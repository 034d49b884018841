// Work that is done one piece a task, in the order in which it came, so that what somebody does meanwhile never waits for all of it.

const waiting: (() => void)[] = []
let running = false

function next(): void {
  const work = waiting.shift()
  running = work !== undefined
  if (!work) return
  setTimeout(next)
  work()
}

/** Does it in a task of its own, after what came before. */
export function inTurn(work: () => void): void {
  waiting.push(work)
  if (running) return
  running = true
  setTimeout(next)
}
