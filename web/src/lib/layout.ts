// Rows of a gallery: pictures side by side in their own shapes, every row as wide as the page (justified layout).

export interface Shape {
  width: number
  height: number
}

export interface Placed<T> {
  item: T
  index: number
  width: number
}

export interface Row<T> {
  height: number
  items: Placed<T>[]
}

const RATIO_MIN = 0.5
const RATIO_MAX = 3

/** Rows about `target` high for a page `width` wide. The last one is not stretched. */
export function justify<T extends Shape>(items: readonly T[], width: number, target: number, gap: number): Row<T>[] {
  const rows: Row<T>[] = []
  let open: { item: T; index: number; ratio: number }[] = []
  let ratios = 0
  const close = (height: number): void => {
    rows.push({ height, items: open.map(({ item, index, ratio }) => ({ item, index, width: ratio * height })) })
    open = []
    ratios = 0
  }
  items.forEach((item, index) => {
    const ratio = Math.min(Math.max(item.width / Math.max(item.height, 1), RATIO_MIN), RATIO_MAX)
    open.push({ item, index, ratio })
    ratios += ratio
    const room = width - gap * (open.length - 1)
    if (room / ratios <= target) close(room / ratios)
  })
  if (open.length) close(Math.min(target, (width - gap * (open.length - 1)) / ratios))
  return rows
}
