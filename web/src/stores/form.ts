// What is to be drawn next. It is kept in this browser, so that a reload loses nothing; pictures to start from are not.
import { defineStore } from 'pinia'
import { useLocalStorage } from '@vueuse/core'
import { computed, ref } from 'vue'
import { address } from '@/api/client'
import type { Drawing, DrawingBody, Job, OutputFormat, Picture, Quality, Source } from '@/api/types'
import type { Recalled } from '@/lib/infotext'
import { styledPrompt } from '@/lib/styles'
import { useStyles } from './styles'

export interface Fields {
  prompt: string
  negative: string
  model: string
  ratio: string
  width: number | null
  height: number | null
  quality: Quality
  count: number
  steps: number | null
  guidance: number | null
  sampler: string
  schedule: string
  seed: number | null
  clipSkip: number | null
  eta: number | null
  strength: number
  format: OutputFormat
  /** The end of the job is told by mail. */
  mail: boolean
}

/** A picture to start from, and where it can be seen. */
export interface Start {
  source: Source
  url: string
  width: number
  height: number
  name: string
}

export type Mode = 'text-to-image' | 'image-to-image' | 'edit'

export const DEFAULTS: Fields = {
  prompt: '',
  negative: '',
  model: '',
  ratio: '1:1',
  width: null,
  height: null,
  quality: 'normal',
  count: 1,
  steps: null,
  guidance: null,
  sampler: '',
  schedule: '',
  seed: null,
  clipSkip: null,
  eta: null,
  strength: 0.75,
  format: 'png',
  mail: false,
}

export const useForm = defineStore('form', () => {
  const fields = useLocalStorage<Fields>('easel-form', { ...DEFAULTS }, { mergeDefaults: true })
  /** By id, the nearest to the words first. */
  const styles = ref<string[]>([])
  const library = useStyles()
  const start = ref<Start | null>(null)
  /** The mask as it was sent, and what was painted. */
  const mask = ref<{ source: Source } | null>(null)

  /** A picture is to be started from, even before there is one. */
  const fromPicture = ref(false)

  const mode = computed<Mode>(() => (start.value && mask.value ? 'edit' : start.value || fromPicture.value ? 'image-to-image' : 'text-to-image'))

  /** As the server takes it: what is left as it was is left out. */
  const body = computed<DrawingBody>(() => {
    const f = fields.value
    const sized = f.width !== null && f.height !== null
    const size = sized ? { width: f.width ?? 0, height: f.height ?? 0 } : start.value ? {} : { aspect_ratio: f.ratio }
    return {
      prompt: f.prompt.trim(),
      ...size,
      ...(f.negative.trim() && { negative_prompt: f.negative }),
      ...(styles.value.length && { styles: styles.value }),
      ...(f.model && { model: f.model }),
      ...(f.count > 1 && { n: f.count }),
      ...(f.quality !== 'normal' && { quality: f.quality }),
      ...(f.steps !== null && { steps: f.steps }),
      ...(f.guidance !== null && { guidance: f.guidance }),
      ...(f.sampler && { sampler: f.sampler }),
      ...(f.schedule && { schedule: f.schedule }),
      ...(f.seed !== null && { seed: f.seed }),
      ...(f.clipSkip !== null && { clip_skip: f.clipSkip }),
      ...(f.eta !== null && { eta: f.eta }),
      ...(f.format !== 'png' && { format: f.format }),
      ...(f.mail && { notify: 'email' }),
      ...(start.value && { image: start.value.source, strength: f.strength }),
      ...(start.value && mask.value && { mask: mask.value.source }),
    }
  })

  /** What the model will be told, styles included, as far as they are known. */
  const spoken = computed(() => styledPrompt(fields.value.prompt, styles.value.flatMap((id) => library.known[id] ?? [])))

  /** These styles and no others. */
  function choose(ids: readonly string[]): void {
    styles.value = [...new Set(ids)]
    void library.fetch(styles.value)
  }

  function set(changes: Partial<Fields>): void {
    fields.value = { ...fields.value, ...changes }
  }

  /** Everything but the prompt as it was at first. */
  function reset(): void {
    fields.value = { ...DEFAULTS, prompt: fields.value.prompt, model: fields.value.model }
    styles.value = []
  }

  /** What a picture was drawn with; what it does not tell is the model's own again. */
  function recall(from: Recalled, models: readonly string[] = []): void {
    styles.value = []
    fields.value = {
      ...DEFAULTS,
      format: fields.value.format,
      mail: fields.value.mail,
      prompt: from.prompt,
      negative: from.negative_prompt ?? '',
      model: from.model && models.includes(from.model) ? from.model : fields.value.model,
      width: from.width ?? null,
      height: from.height ?? null,
      steps: from.steps ?? null,
      guidance: from.guidance ?? null,
      sampler: from.sampler ?? '',
      schedule: from.schedule ?? '',
      seed: from.seed ?? null,
      clipSkip: from.clip_skip ?? null,
      strength: from.strength ?? DEFAULTS.strength,
    }
  }

  /** The order of a job again. */
  function recallJob(job: Job, models: readonly string[]): void {
    const { work, output } = job.request
    if (work.kind !== 'draw') return
    const { styled } = work
    recall(styled ? { ...work, prompt: styled.raw_prompt, negative_prompt: styled.raw_negative ?? '' } : work, models)
    choose(styled?.styles.map(({ id }) => id) ?? [])
    set({ count: work.count, quality: output.quality, format: output.format, eta: work.eta ?? null })
    startAgain(work)
  }

  /** The picture an order started from. One that was sent can be seen only where it still is; otherwise it is asked for again. */
  function startAgain({ start: source, mask: masked, width = 0, height = 0, prompt }: Drawing): void {
    const shown = start.value && start.value.source.id === source?.id ? start.value : null
    if (!shown) clearStart()
    fromPicture.value = source !== undefined
    if (source?.from === 'image') start.value = shown ?? { source, url: address(`/images/${source.id}/file`), width, height, name: prompt }
    mask.value = start.value && masked ? { source: masked } : null
  }

  function startFrom(picture: Picture): void {
    clearStart()
    start.value = {
      source: { from: 'image', id: picture.id },
      url: picture.url,
      width: picture.width,
      height: picture.height,
      name: picture.title ?? picture.prompt,
    }
  }

  function clearStart(): void {
    if (start.value?.url.startsWith('blob:')) URL.revokeObjectURL(start.value.url)
    start.value = null
    mask.value = null
  }

  /** From words, or from a picture; from words there is none. */
  function setMode(wanted: Mode): void {
    fromPicture.value = wanted !== 'text-to-image'
    if (!fromPicture.value) clearStart()
  }

  /** As if nobody had written anything: what one person wrote is not for the next. */
  function forget(): void {
    fields.value = { ...DEFAULTS }
    styles.value = []
    setMode('text-to-image')
  }

  return { fields, styles, start, mask, fromPicture, mode, body, spoken, set, setMode, choose, reset, recall, recallJob, startFrom, clearStart, forget }
})
