// A list that is fetched page by page; what has been fetched is fetched again to keep it true.
import { ref, type Ref } from 'vue'
import { useAsync, type Async } from './useAsync'

interface Page<T, C> {
  data: T[]
  next: C | null
}

export interface Pages<T> {
  list: Async<T[]>
  hasMore: Ref<boolean>
  more: () => Promise<void>
  /** The first page alone, of something else. */
  restart: () => void
}

/** `work` fetches the page at a cursor; the first one without. Nothing is fetched before `restart` unless it is `immediate`. */
export function usePages<T, C>(work: (cursor: C | null) => Promise<Page<T, C>>, immediate = true): Pages<T> {
  const pages = ref(1)
  const hasMore = ref(false)
  const list = useAsync(async () => {
    const rows: T[] = []
    let cursor: C | null = null
    for (let page = 0; page < pages.value; page++) {
      const found: Page<T, C> = await work(cursor)
      rows.push(...found.data)
      cursor = found.next
      if (cursor === null) break
    }
    hasMore.value = cursor !== null
    return rows
  }, immediate)
  return {
    list,
    hasMore,
    more: () => {
      pages.value += 1
      return list.run()
    },
    restart: () => {
      pages.value = 1
      void list.run()
    },
  }
}
