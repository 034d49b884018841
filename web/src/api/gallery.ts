// What becomes of one's pictures (albums, links, everybody's gallery), and what people say of each other's.
import { call } from './client'
import type { Album, Comment, Page, PublicPicture, ReportCategory, Share, Tag, Template } from './types'

const one = (id: string): string => `/images/${encodeURIComponent(id)}`

// ---- Showing one's own.
/** Shows a picture to everybody; its prompt only if that is wanted. */
export const publish = (id: string, shows_prompt = false): Promise<void> =>
  call(`${one(id)}/public`, { method: 'POST', query: { shows_prompt: shows_prompt || undefined } })
export const unpublish = (id: string): Promise<void> => call(`${one(id)}/public`, { method: 'DELETE' })

export type BulkAction =
  | { kind: 'trash' | 'restore' | 'withdraw' | 'delete' }
  | { kind: 'publish'; shows_prompt?: boolean }
  | { kind: 'favourite'; value: boolean }
  | { kind: 'add_to_album' | 'remove_from_album'; album_id: string }
export interface BulkResult {
  id: string
  result: 'done' | 'not_found' | 'hidden' | 'blocked'
}
/** The most pictures one request changes. */
export const BULK_MAX = 100
/** Does the same to all of them, a hundred at a time. What became of each is told in their order. */
export async function bulk(action: BulkAction, ids: readonly string[]): Promise<BulkResult[]> {
  const results: BulkResult[] = []
  for (let at = 0; at < ids.length; at += BULK_MAX) {
    const body = { ids: ids.slice(at, at + BULK_MAX), action }
    results.push(...(await call<{ results: BulkResult[] }>('/images/bulk', { method: 'POST', body })).results)
  }
  return results
}

// ---- Links to one picture.
export const share = (id: string, shows_prompt: boolean): Promise<Share> => call(`${one(id)}/share`, { method: 'POST', body: { shows_prompt } })
export const shares = (image_id: string): Promise<Share[]> => call('/shares', { query: { image_id } })
export const revokeShare = (id: string): Promise<void> => call(`/shares/${encodeURIComponent(id)}`, { method: 'DELETE' })
export const shared = (token: string): Promise<PublicPicture> => call(`/shared/${encodeURIComponent(token)}`)
/** The page a link opens. */
export const shareAddress = (token: string): string => `${location.origin}/shared/${token}`

// ---- Albums.
export const albums = (): Promise<Album[]> => call('/albums')
export const renameAlbum = (id: string, title: string): Promise<Album> => call(`/albums/${encodeURIComponent(id)}`, { method: 'PATCH', body: { title } })
/** Its pictures stay. */
export const removeAlbum = (id: string): Promise<void> => call(`/albums/${encodeURIComponent(id)}`, { method: 'DELETE' })
export const createAlbum = (title: string): Promise<Album> => call('/albums', { method: 'POST', body: { title } })

/** Words on one's pictures. */
export const tags = (): Promise<Tag[]> => call('/tags')

// ---- Everybody's.
/** A page of the public gallery; what is sought by words comes last made first. */
export const explore = (sort: 'trending' | 'recent', q: string, cursor?: string | null): Promise<Page<PublicPicture>> =>
  call('/images/public', { query: { ...(q ? { q } : { sort }), cursor, limit: 40 } })
export const publicPicture = (id: string): Promise<PublicPicture> => call(`${one(id)}/public`)
/** What to draw the like of it with, where its owner shows that. */
export const template = (id: string): Promise<Template> => call(`${one(id)}/template`)
export const like = (id: string): Promise<{ like_count: number }> => call(`${one(id)}/like`, { method: 'PUT' })
export const unlike = (id: string): Promise<{ like_count: number }> => call(`${one(id)}/like`, { method: 'DELETE' })
export const report = (id: string, category: ReportCategory, note: string): Promise<void> =>
  call(`${one(id)}/report`, { method: 'POST', body: { category, ...(note && { note }) } })
export const comments = (id: string, cursor?: string | null): Promise<Page<Comment>> => call(`${one(id)}/comments`, { query: { cursor } })
export const comment = (id: string, body: string): Promise<Comment> => call(`${one(id)}/comments`, { method: 'POST', body: { body } })
export const removeComment = (id: string): Promise<void> => call(`/comments/${encodeURIComponent(id)}`, { method: 'DELETE' })
