// Something that is fetched: loading, there, or failed; and tried again.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { asFailure, type ApiFailure } from '@/api/failure'

export interface Async<T> {
  data: ShallowRef<T | null>
  failure: Ref<ApiFailure | null>
  loading: Ref<boolean>
  run: () => Promise<void>
}

/** Runs at once, and whenever `run` is called; only the latest answer counts. */
export function useAsync<T>(work: () => Promise<T>, immediate = true): Async<T> {
  const data = shallowRef<T | null>(null)
  const failure = ref<ApiFailure | null>(null)
  const loading = ref(immediate)
  let latest = 0
  onScopeDispose(() => (latest = -1))

  async function run(): Promise<void> {
    const mine = ++latest
    loading.value = true
    failure.value = null
    try {
      const found = await work()
      if (mine === latest) data.value = found
    } catch (thrown) {
      if (mine === latest) failure.value = asFailure(thrown)
    } finally {
      if (mine === latest) loading.value = false
    }
  }

  if (immediate) void run()
  return { data, failure, loading, run }
}
