// Somebody's own pictures: what is shown, what is chosen, and what is done to it. Changes show at once and are taken back if they fail.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import * as api from '@/api/images'
import { bulk, publish, unpublish, type BulkAction } from '@/api/gallery'
import { asFailure, type ApiFailure } from '@/api/failure'
import type { Picture } from '@/api/types'

const PAGE = 100

/** What a bulk action changes of a picture; null where it takes it out of the list. */
function changesOf(action: BulkAction): Partial<Picture> | null {
  switch (action.kind) {
    case 'favourite':
      return { is_favourite: action.value }
    case 'publish':
      return { is_public: true, shows_prompt: action.shows_prompt ?? false }
    case 'withdraw':
      return { is_public: false, shows_prompt: false }
    case 'add_to_album':
      return {}
    default:
      return null
  }
}

export const useGallery = defineStore('gallery', () => {
  const pictures = ref<Picture[]>([])
  const filter = ref<api.PictureFilter>({})
  const next = ref<string | null>(null)
  const loading = ref(false)
  const loaded = ref(false)
  const failure = ref<ApiFailure | null>(null)
  const chosen = ref(new Set<string>())
  let asked = 0

  const chosenPictures = computed(() => pictures.value.filter((picture) => chosen.value.has(picture.id)))

  /** The first page of what the filter says, or with `more` the next one. */
  async function load(more = false): Promise<void> {
    if (more && (!next.value || loading.value)) return
    const mine = ++asked
    loading.value = true
    try {
      const page = await api.list({ ...filter.value, limit: PAGE, cursor: more ? next.value : null })
      if (mine !== asked) return
      const known = new Set(more ? pictures.value.map(({ id }) => id) : [])
      pictures.value = more ? [...pictures.value, ...page.data.filter(({ id }) => !known.has(id))] : page.data
      next.value = page.next
      failure.value = null
      loaded.value = true
    } catch (thrown) {
      if (mine === asked) failure.value = asFailure(thrown)
    } finally {
      if (mine === asked) loading.value = false
    }
  }

  function clear(): void {
    asked += 1
    pictures.value = []
    chosen.value = new Set()
    next.value = null
    loaded.value = false
  }

  async function show(wanted: api.PictureFilter): Promise<void> {
    filter.value = wanted
    chosen.value = new Set()
    loaded.value = false
    await load()
  }

  function replace(picture: Picture): void {
    pictures.value = pictures.value.map((known) => (known.id === picture.id ? picture : known))
  }

  /** A picture that was just drawn. */
  function add(drawn: readonly Picture[]): void {
    if (!loaded.value || Object.values(filter.value).some((value) => value)) return
    const known = new Set(pictures.value.map(({ id }) => id))
    pictures.value = [...drawn.filter(({ id }) => !known.has(id)), ...pictures.value]
  }

  async function change(picture: Picture, changes: api.PictureChange): Promise<void> {
    replace({ ...picture, ...changes })
    try {
      replace(await api.change(picture.id, changes))
    } catch (thrown) {
      replace(picture)
      throw thrown
    }
  }

  /** Shows a picture to everybody, with its prompt or without, or to nobody else any longer. */
  async function setPublic(picture: Picture, is_public: boolean, shows_prompt = false): Promise<void> {
    replace({ ...picture, is_public, shows_prompt: is_public && shows_prompt })
    try {
      await (is_public ? publish(picture.id, shows_prompt) : unpublish(picture.id))
    } catch (thrown) {
      replace(picture)
      throw thrown
    }
  }

  async function remove(ids: readonly string[]): Promise<void> {
    const before = pictures.value
    const gone = new Set(ids)
    pictures.value = before.filter(({ id }) => !gone.has(id))
    chosen.value = new Set([...chosen.value].filter((id) => !gone.has(id)))
    try {
      await bulk({ kind: 'trash' }, ids)
    } catch (thrown) {
      pictures.value = before
      throw thrown
    }
    await refill()
  }

  /** What is taken out leaves room: where there is more, it is fetched. */
  async function refill(): Promise<void> {
    if (pictures.value.length < PAGE) await load(true)
  }

  async function restore(ids: readonly string[]): Promise<void> {
    await bulk({ kind: 'restore' }, ids)
    const back = new Set(ids)
    chosen.value = new Set([...chosen.value].filter((id) => !back.has(id)))
    await load()
  }

  /** One action on everything that is chosen; how many of them it was not done to. */
  async function doBulk(action: BulkAction): Promise<number> {
    const results = await bulk(action, [...chosen.value])
    chosen.value = new Set()
    const done = new Set(results.filter(({ result }) => result === 'done').map(({ id }) => id))
    await reflect(action, done)
    return results.length - done.size
  }

  /** What became of pictures, in what is shown: nobody is thrown back to the first page by it, unless the list is sifted by what has changed. */
  async function reflect(action: BulkAction, done: ReadonlySet<string>): Promise<void> {
    const changes = changesOf(action)
    if (!changes) {
      pictures.value = pictures.value.filter(({ id }) => !done.has(id))
      return refill()
    }
    const { favourite, public: visible } = filter.value
    if (('is_favourite' in changes && favourite !== undefined) || ('is_public' in changes && visible !== undefined)) return load()
    pictures.value = pictures.value.map((picture) => (done.has(picture.id) ? { ...picture, ...changes } : picture))
  }

  function choose(id: string, on = !chosen.value.has(id)): void {
    const now = new Set(chosen.value)
    if (on) now.add(id)
    else now.delete(id)
    chosen.value = now
  }

  /** Everything between two places, as Shift does. */
  function chooseRange(from: number, to: number): void {
    const [first, last] = from < to ? [from, to] : [to, from]
    chosen.value = new Set([...chosen.value, ...pictures.value.slice(first, last + 1).map(({ id }) => id)])
  }

  const chooseAll = (): void => void (chosen.value = new Set(pictures.value.map(({ id }) => id)))
  const chooseNone = (): void => void (chosen.value = new Set())

  return {
    pictures, filter, next, loading, loaded, failure, chosen, chosenPictures,
    load, clear, show, add, replace, change, setPublic, remove, restore, doBulk, choose, chooseRange, chooseAll, chooseNone,
  }
})
