// Pictures from the person at the screen: checked here for a quick answer, and by the server for a true one.
import { onScopeDispose, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import * as images from '@/api/images'
import { asFailure } from '@/api/failure'
import type { Upload } from '@/api/types'
import { UPLOAD_BYTES_MAX, UPLOAD_TYPES, typeNames } from '@/lib/catalogue'
import { useSession } from '@/stores/session'
import { useFormat } from './useFormat'

export interface Uploaded {
  upload: Upload
  blob: Blob
  name: string
}

export interface UploadLimits {
  types?: readonly string[]
  bytesMax?: number
  filesMax?: number
}

export function useUpload(limits: UploadLimits = {}) {
  const { config } = useSession()
  const types: readonly string[] = limits.types ?? config.upload_types ?? UPLOAD_TYPES
  const bytesMax = limits.bytesMax ?? config.max_upload_bytes ?? UPLOAD_BYTES_MAX
  const filesMax = limits.filesMax ?? 1
  const { t } = useI18n()
  const { bytes } = useFormat()
  const errors = ref<string[]>([])
  /** How much is sent, 0 to 1; null while nothing is. */
  const sent = ref<number | null>(null)
  const stop = new AbortController()
  onScopeDispose(() => stop.abort())

  function problem(file: File): string | null {
    if (!types.includes(file.type)) return t('upload.badType', { name: file.name, types: typeNames(types) })
    if (file.size > bytesMax) return t('upload.tooLarge', { name: file.name, max: bytes(bytesMax) })
    return null
  }

  /** Sends what is good; the first so many, each with its own error. */
  async function send(files: readonly File[]): Promise<Uploaded[]> {
    errors.value = []
    const good = files.filter((file) => {
      const wrong = problem(file)
      if (wrong) errors.value.push(wrong)
      return !wrong
    })
    if (good.length > filesMax) errors.value.push(t('upload.tooMany', { max: filesMax }))
    const done: Uploaded[] = []
    for (const file of good.slice(0, filesMax)) {
      try {
        sent.value = 0
        const upload = await images.upload(file, file.name, (part) => (sent.value = part), stop.signal)
        done.push({ upload, blob: file, name: file.name })
      } catch (thrown) {
        if (!stop.signal.aborted) errors.value.push(`${file.name}: ${asFailure(thrown).message}`)
      } finally {
        sent.value = null
      }
    }
    return done
  }

  return { errors, sent, send, types, bytesMax }
}
