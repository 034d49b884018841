/** What a grid needs to know of a picture. */
export interface GridPicture {
  id: string
  url: string
  thumbnail_url: string | null
  width: number
  height: number
  /** Others may not see it. */
  prompt: string | null
  title: string | null
  blurhash: string | null
  is_favourite?: boolean
  is_public?: boolean
}
