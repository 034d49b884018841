import { flushPromises } from '@vue/test-utils'
import { ref } from 'vue'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import PictureGrid from '@/components/gallery/PictureGrid.vue'
import CommentList from '@/components/gallery/CommentList.vue'
import ShareBox from '@/components/gallery/ShareBox.vue'
import Explore from '@/pages/Explore.vue'
import Gallery from '@/pages/Gallery.vue'
import Image from '@/pages/Image.vue'
import PublicImage from '@/pages/PublicImage.vue'
import { useForm } from '@/stores/form'
import { useGallery } from '@/stores/gallery'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { zip } from '@/lib/zip'
import { fill, sendForm, show, until } from '../mount'
import { picture, shown, user } from '../samples'
import { Refusal, server, type Asked } from '../server'

// happy-dom lays nothing out: the page is 1000 wide.
vi.mock('@vueuse/core', async (original) => ({ ...(await original<object>()), useElementSize: () => ({ width: ref(1000), height: ref(800) }) }))
beforeEach(() => vi.stubGlobal('innerHeight', 800))

const many = (count: number) => Array.from({ length: count }, (_, index) => picture({ id: `p${index}`, prompt: `number ${index}` }))

describe('the grid', () => {
  const grid = (count: number, props = {}) => show(PictureGrid, { props: { pictures: many(count), chosen: new Set<string>(), label: 'All', ...props } })

  it('holds ten thousand pictures and draws only those in sight', async () => {
    const { wrapper } = await grid(10_000)
    const drawn = wrapper.findAll('[role=option]').length
    expect(drawn).toBeGreaterThan(5)
    expect(drawn).toBeLessThan(100)
    expect(Number.parseInt(wrapper.find('[role=listbox]').attributes('style')?.match(/height: (\d+)/)?.[1] ?? '0')).toBeGreaterThan(100_000)
    expect(wrapper.find('[role=option]').attributes('aria-setsize')).toBe('10000')
  })

  it('is walked by keys', async () => {
    const { wrapper } = await grid(40)
    const press = (key: string, more = {}) => wrapper.find('[role=listbox]').trigger('keydown', { key, ...more })
    const active = () => wrapper.find('[role=option][tabindex="0"]').attributes('data-index')
    await press('ArrowRight')
    await press('ArrowRight')
    expect(active()).toBe('2')
    await press('ArrowDown')
    expect(Number(active())).toBeGreaterThan(3)
    await press('ArrowUp')
    expect(active()).toBe('2')
    await press('ArrowLeft')
    await press(' ')
    await press('Enter')
    await press('f')
    await press('a', { ctrlKey: true })
    await press('ArrowRight', { shiftKey: true })
    expect(wrapper.emitted('toggle')).toEqual([['p1']])
    expect(wrapper.emitted('open')).toHaveLength(1)
    expect(wrapper.emitted('favourite')).toHaveLength(1)
    expect(wrapper.emitted('all')).toHaveLength(1)
    expect(wrapper.emitted('range')).toEqual([[1, 2]])
    await press('Home')
    expect(active()).toBe('0')
  })

  it('opens by a click, and chooses when some are chosen', async () => {
    const { wrapper } = await grid(4)
    await wrapper.findAll('[role=option]')[1]?.trigger('click')
    await wrapper.findAll('[role=option]')[3]?.trigger('click', { shiftKey: true })
    await wrapper.find('[data-corner]').trigger('click')
    await wrapper.setProps({ chosen: new Set(['p0']) })
    await wrapper.findAll('[role=option]')[2]?.trigger('click')
    const press = (key: string) => wrapper.find('[role=listbox]').trigger('keydown', { key })
    await press('Delete')
    await press('Escape')
    expect(wrapper.emitted('open')).toHaveLength(1)
    expect(wrapper.emitted('range')).toEqual([[1, 3]])
    expect(wrapper.emitted('toggle')).toEqual([['p0'], ['p2']])
    expect([wrapper.emitted('remove')?.length, wrapper.emitted('none')?.length]).toEqual([1, 1])
  })
})

describe('the gallery', () => {
  it('finds, chooses, files, deletes', async () => {
    const { asked, click, text, push } = await show(Gallery)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await fill('Search prompts and titles', 'fox')
    await vi.advanceTimersByTimeAsync(400)
    vi.useRealTimers()
    await flushPromises()
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('q')).toBe('fox')
    await click('Favourites')
    await fill('To day', '2026-11-27')
    // As days begin where the reader is.
    const until = asked.of('GET /api/v1/images').at(-1)?.query.get('until') ?? ''
    expect(until).toMatch(/^2026-11-2[78]T\d\d:\d\d:00Z$/)
    expect(new Date(until).getTime()).toBe(new Date(2026, 10, 28).getTime())
    await click('a red circle')
    expect(push).toHaveBeenCalledWith('/images/p0')
    const gallery = useGallery()
    gallery.chooseAll()
    await flushPromises()
    expect(text()).toContain('2 selected')
    await click('Favourite')
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0', 'p1'], action: { kind: 'favourite', value: true } })
    gallery.chooseAll()
    await flushPromises()
    await click('Album')
    await click(/^Trip/)
    expect(asked.of('POST /api/v1/images/bulk')[1]?.body).toEqual({ ids: ['p0', 'p1'], action: { kind: 'add_to_album', album_id: 'al' } })
    gallery.choose('p0', true)
    await flushPromises()
    await click('Delete')
    ;([...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement).click()
    await flushPromises()
    expect(asked.of('POST /api/v1/images/bulk')[2]?.body).toEqual({ ids: ['p0'], action: { kind: 'trash' } })
    expect(useToasts().list.at(-1)?.text).toBe('1 picture deleted')
  })

  it('shows what was deleted, to have it back', async () => {
    const { asked, click } = await show(Gallery)
    await click('Deleted')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('trashed')).toBe('true')
    useGallery().choose('p0')
    await flushPromises()
    await click('Restore')
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0'], action: { kind: 'restore' } })
    expect(useGallery().chosen.size).toBe(0)
    useGallery().choose('p1', true)
    await flushPromises()
    await click('Delete for good')
    ;([...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement).click()
    await flushPromises()
    expect(asked.of('POST /api/v1/images/bulk').at(-1)?.body).toMatchObject({ action: { kind: 'delete' } })
  })

  it('publishes what is chosen, and says what was not', async () => {
    const refused = { results: [{ id: 'p0', result: 'done' }, { id: 'p1', result: 'blocked' }] }
    const { asked, click } = await show(Gallery, { world: { 'POST /api/v1/images/bulk': refused } })
    useSession().user = user()
    useGallery().chooseAll()
    await flushPromises()
    await click('Publish')
    await sendForm()
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0', 'p1'], action: { kind: 'publish', shows_prompt: false } })
    expect(useToasts().list.at(-1)?.text).toBe('1 picture was not published')
  })

  it('is sifted by who sees it and how it was made; what is public is made private again', async () => {
    useSession().user = user()
    const world = { 'GET /api/v1/images': { data: [picture({ id: 'p0', is_public: true }), picture({ id: 'p1' })], next: null } }
    const { asked, click } = await show(Gallery, { world })
    await fill('Who sees it', 'private')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('public')).toBe('false')
    await fill('How it was made', 'inpaint')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('mode')).toBe('inpaint')
    useGallery().chooseAll()
    await flushPromises()
    await click('Make private')
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0', 'p1'], action: { kind: 'withdraw' } })
    expect(useToasts().list.at(-1)?.text).toBe('2 pictures are private now')
  })

  it('says that albums could not be fetched, and asks again', async () => {
    let down = true
    const album = { id: 'al', title: 'Trip', cover_image_id: null, image_count: 2, created_at: '', updated_at: '' }
    const { click, text } = await show(Gallery, { world: { 'GET /api/v1/albums': () => (down ? new Refusal(503, 'busy') : [album]) } })
    expect(text()).toContain('Your albums could not be fetched.')
    down = false
    await click('Try again')
    expect(text()).not.toContain('Your albums could not be fetched.')
    expect(document.querySelector('[aria-label="Album"]')?.textContent).toContain('Trip')
  })

  it('has albums that are emptied, renamed and deleted', async () => {
    const album = { id: 'al', title: 'Trip', cover_image_id: null, image_count: 2, created_at: '', updated_at: '' }
    const { asked, click } = await show(Gallery, { world: { 'PATCH /api/v1/albums/al': { ...album, title: 'Sea' }, 'DELETE /api/v1/albums/al': null } })
    await fill('Album', 'al')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('album')).toBe('al')
    useGallery().choose('p0')
    await flushPromises()
    await click('Remove from the album')
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0'], action: { kind: 'remove_from_album', album_id: 'al' } })
    await click('Change the album')
    await fill('Name of the album', 'Sea')
    await sendForm()
    expect(asked.of('PATCH /api/v1/albums/al')[0]?.body).toEqual({ title: 'Sea' })
    await click('Change the album')
    await click('Delete the album')
    expect(asked.of('DELETE /api/v1/albums/al')).toHaveLength(1)
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('album')).toBeNull()
  })

  it('is sifted by a tag, which a link names', async () => {
    const { asked } = await show(Gallery, { path: '/?tag=high+tide' })
    expect(asked.of('GET /api/v1/images').map(({ query }) => query.get('tag'))).toEqual(['high tide'])
    expect([...document.querySelectorAll('[aria-label=Tag] option')].map((option) => option.textContent)).toEqual(['All tags', 'high tide', 'sea'])
    await fill('Tag', 'sea')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('tag')).toBe('sea')
    await fill('Tag', '')
    expect(asked.of('GET /api/v1/images').at(-1)?.query.get('tag')).toBeNull()
  })

  it('says when more of it could not be had, and tries again', async () => {
    let down = true
    const pages = ({ query }: Asked): unknown => {
      if (!query.get('cursor')) return { data: [picture({ id: 'p0' })], next: 'further' }
      return down ? new Refusal(503, 'busy', 'too much at once') : { data: [picture({ id: 'p1' })], next: null }
    }
    const { click, text } = await show(Gallery, { world: { 'GET /api/v1/images': pages } })
    await click('Show more')
    await until(() => expect(text()).toContain('too much at once'))
    down = false
    await click('Try again')
    expect(text()).not.toContain('too much at once')
    expect(useGallery().pictures).toHaveLength(2)
  })

  it('says that there is nothing, or that it could not be had', async () => {
    const empty = await show(Gallery, { world: { 'GET /api/v1/images': { data: [], next: null } } })
    expect(empty.text()).toContain('No pictures yet')
    empty.wrapper.unmount()
    useGallery().clear()
    const down = await show(Gallery, { world: { 'GET /api/v1/images': new TypeError('x') } })
    expect(down.text()).toContain('The server cannot be reached')
  })

  it('packs what is chosen', async () => {
    const saved: string[] = []
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) { saved.push(this.download) })
    server({ 'GET /api/v1/images/p0/file': () => new Response('one'), 'GET /api/v1/images/p1/file': () => new Response('two') })
    const done: number[] = []
    await zip([picture({ id: 'p0' }), picture({ id: 'p1' })], (count) => done.push(count))
    expect(done).toEqual([1, 2])
    expect(saved).toEqual(['easel.zip'])
    await expect(zip([picture({ id: 'gone' })], () => undefined)).rejects.toThrow()
  })
})

describe('a picture’s page', () => {
  it('names it, and goes to its neighbours', async () => {
    useGallery().pictures = [picture({ id: 'p9' }), picture({ id: 'p0' })]
    const { click, push, asked } = await show(Image, { path: '/images/p0' })
    await click('Previous picture')
    expect(push).toHaveBeenCalledWith('/images/p9')
    await fill('Title', 'new')
    expect(asked.of('PATCH /api/v1/images/p0')[0]?.body).toEqual({ title: 'new' })
  })

  it('is left by arrows alone: those of a field, a dialog or the browser are theirs', async () => {
    useSession().user = user()
    useGallery().pictures = [picture({ id: 'p9' }), picture({ id: 'p0' })]
    const { click, push, wrapper } = await show(Image, { path: '/images/p0' })
    const press = (target: Element, more: KeyboardEventInit = {}) => target.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, ...more }))
    press(document.body, { altKey: true })
    press(wrapper.get('input').element)
    await click('Delete')
    press(document.querySelector('[role=dialog] button') as Element)
    expect(push).not.toHaveBeenCalled()
    press(document.body)
    expect(push).toHaveBeenCalledWith('/images/p9')
  })

  async function sendTag(): Promise<void> {
    document.querySelector('[aria-label=Tags] form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
    await flushPromises()
  }

  it('has tags that are added, followed and removed', async () => {
    let now = ['sea']
    const changed = ({ body }: Asked): unknown => {
      now = (body as { tags: string[] }).tags.map((tag) => tag.toLowerCase())
      return picture({ id: 'p0', tags: now })
    }
    const { asked, click, text } = await show(Image, { path: '/images/p0', world: { 'GET /api/v1/images/p0': picture({ id: 'p0', tags: now }), 'PATCH /api/v1/images/p0': changed } })
    await fill('Add a tag', ' High Tide ')
    await sendTag()
    expect(asked.of('PATCH /api/v1/images/p0')[0]?.body).toEqual({ tags: ['sea', 'High Tide'] })
    const links = (): unknown => [...document.querySelectorAll('.chip a')].map((link) => [link.textContent, link.getAttribute('href')])
    await until(() => expect(links()).toEqual([['sea', '/gallery?tag=sea'], ['high tide', '/gallery?tag=high%20tide']]))
    await click('Remove the tag sea')
    expect(now).toEqual(['high tide'])
    expect(text()).not.toContain('sea')
  })

  it('keeps the tags it has when others are refused', async () => {
    await show(Image, { path: '/images/p0', world: { 'GET /api/v1/images/p0': picture({ id: 'p0', tags: ['sea'] }), 'PATCH /api/v1/images/p0': new Refusal(422, 'invalid', 'not such a word') } })
    await fill('Add a tag', 'x')
    await sendTag()
    await until(() => expect(useToasts().list.at(-1)?.text).toBe('not such a word'))
    expect([...document.querySelectorAll('.chip a')].map((link) => link.textContent)).toEqual(['sea'])
  })

  it('says why a moderator hid it, and takes what its owner says against that', async () => {
    const decided = { id: 'c1', target_kind: 'image', target_id: 'p0', state: 'decided', decision: 'hide', reason: 'spam', appeal: null, overturned: null, decided_at: null }
    const world = (cases: object[]) => ({ 'GET /api/v1/images/p0': picture({ id: 'p0', hidden_reason: 'spam' }), 'GET /api/v1/users/me/cases': { data: cases, next: null }, 'POST /api/v1/users/me/cases/c1/appeal': null })
    const { asked, click, text, wrapper } = await show(Image, { path: '/images/p0', world: world([{ ...decided, id: 'c0', target_id: 'p1' }, decided]) })
    expect(text()).toContain('hid this picture from others: spam')
    await click('Object')
    await fill('What you say against it', ' it is a cat ')
    await sendForm()
    expect(asked.of('POST /api/v1/users/me/cases/c1/appeal')[0]?.body).toEqual({ text: 'it is a cat' })
    expect(text()).toContain('You have objected')
    wrapper.unmount()
    const closed = await show(Image, { path: '/images/p0', world: world([{ ...decided, state: 'closed', appeal: 'it is a cat', overturned: false }]) })
    expect(closed.text()).toContain('the decision stands')
    expect(closed.wrapper.find('textarea').exists()).toBe(false)
  })

  it('is missing where it is not one’s own', async () => {
    const { text } = await show(Image, { path: '/images/nobodys' })
    expect(text()).toContain('There is nothing here')
  })
})

describe('what everybody sees', () => {
  it('is liked, reported, used and talked about', async () => {
    useSession().user = user()
    const { click, asked, text, push } = await show(PublicImage, { path: '/explore/p0' })
    await click(/Like/)
    expect(asked.of('PUT /api/v1/images/p0/like')).toHaveLength(1)
    expect(text()).toContain('4')
    await click('Report')
    await fill('Reason', 'spam')
    await fill('In your words', 'odd')
    await sendForm(1)
    expect(asked.of('POST /api/v1/images/p0/report')[0]?.body).toEqual({ category: 'spam', note: 'odd' })
    await click('Use as a template')
    expect(useForm().fields).toMatchObject({ prompt: 'a red circle', negative: 'blur', steps: 9, guidance: 2, seed: null })
    expect(push).toHaveBeenCalledWith('/generate')
  })

  it('takes a like back that the server refuses, and asks guests to log in', async () => {
    useSession().user = user()
    const refused = await show(PublicImage, { path: '/explore/p0', world: { 'PUT /api/v1/images/p0/like': new Refusal(500) } })
    await refused.click(/Like/)
    expect(refused.text()).toContain('3')
    refused.wrapper.unmount()
    useSession().user = null
    const guest = await show(PublicImage, { path: '/explore/p0' })
    await guest.click(/Like/)
    expect(guest.push).toHaveBeenCalledWith({ name: 'login', query: { next: '/explore/p0' } })
  })

  it('is talked about', async () => {
    useSession().user = user()
    const { click, text } = await show(CommentList, { props: { id: 'p0', mine: false } })
    await fill('Write a comment', 'Indeed')
    await sendForm()
    expect(text()).toMatch(/Indeed[^]*Lovely/)
    await click('Delete this comment')
    expect(text()).not.toContain('Indeed')
    expect(text()).toContain('Lovely')
  })

  it('is shown by a link without what is for people with accounts', async () => {
    const { asked, click, text, push } = await show(PublicImage, { path: '/shared/is_x' })
    expect(asked.of('GET /api/v1/shared/is_x')).toHaveLength(1)
    expect(document.querySelector('img:not([aria-hidden])')?.getAttribute('src')).toBe('/api/v1/shared/is_x/file')
    expect(text()).not.toMatch(/Report|Comments/)
    useSession().user = user()
    await click('Use as a template')
    expect(asked.of('GET /api/v1/images/p0/template')).toHaveLength(0)
    expect(push).toHaveBeenCalledWith('/generate')
  })

  it('has no prompt where its owner does not show that', async () => {
    const { text } = await show(PublicImage, { path: '/explore/p0', world: { 'GET /api/v1/images/p0/public': shown({ prompt: null }) } })
    expect(document.querySelector('img:not([aria-hidden])')?.getAttribute('alt')).toBe('by grace')
    expect(text()).not.toContain('Use as a template')
  })

  it('is sorted and found', async () => {
    const { click, asked, push } = await show(Explore)
    await click('Recent')
    expect(asked.of('GET /api/v1/images/public').at(-1)?.query.get('sort')).toBe('recent')
    await click('a red circle')
    expect(push).toHaveBeenCalledWith('/explore/p0')
  })

  it('is not there on every server', async () => {
    const { text } = await show(Explore, { world: { 'GET /api/v1/images/public': new Refusal(404) } })
    expect(text()).toContain('There is nothing here on this server')
  })
})

describe('links to a picture', () => {
  it('are made, shown once, and ended', async () => {
    const { asked, click, text } = await show(ShareBox, { props: { id: 'p0' } })
    expect(text()).toContain('opened 2 times')
    await sendForm()
    expect(asked.of('POST /api/v1/images/p0/share')[0]?.body).toEqual({ shows_prompt: false })
    expect((document.querySelector('input[readonly]') as HTMLInputElement).value).toBe(`${location.origin}/shared/is_x`)
    const written = vi.fn(() => Promise.resolve())
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: written } })
    await click('Copy')
    expect(written).toHaveBeenCalledWith(`${location.origin}/shared/is_x`)
    await click('End this link')
    expect(asked.of('DELETE /api/v1/shares/l')).toHaveLength(1)
  })
})
