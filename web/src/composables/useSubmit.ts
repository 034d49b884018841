// A form that is sent: busy, refused, or done. A refusal that names a field belongs to that field.
import { computed, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { asFailure, type ApiFailure } from '@/api/failure'
import { usePlanNeed } from '@/stores/plans'

export function useSubmit(work: () => Promise<void>) {
  const { t } = useI18n()
  const busy = ref(false)
  const failure = ref<ApiFailure | null>(null)

  async function submit(): Promise<void> {
    if (busy.value) return
    busy.value = true
    failure.value = null
    try {
      await work()
    } catch (thrown) {
      failure.value = asFailure(thrown)
      if (failure.value.needsPlan) usePlanNeed().reason = failure.value.message
    } finally {
      busy.value = false
    }
  }

  const words = computed(() => (failure.value?.isOffline ? t('error.offline') : (failure.value?.message ?? null)))
  const fieldError = (name: string): string | null => (failure.value?.param === name ? words.value : null)
  /** What belongs to none of these fields. */
  const error = (...fields: string[]) => computed(() => (fields.includes(failure.value?.param ?? '') ? null : words.value))
  return { busy, failure, submit, fieldError, error }
}
