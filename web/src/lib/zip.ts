// Many pictures as one file, packed here as they come: nothing waits for all of them, and the server stores nothing.
import { downloadZip } from 'client-zip'
import { send } from '@/api/client'
import { failureOf } from '@/api/failure'
import type { Picture } from '@/api/types'
import { download, fileName } from './download'

/** Saves pictures as `easel.zip`; `onDone` is told how many are packed. */
export async function zip(pictures: readonly Picture[], onDone: (count: number) => void): Promise<void> {
  async function* files(): AsyncGenerator<{ name: string; lastModified: Date; input: Response }> {
    for (const [index, picture] of pictures.entries()) {
      const input = await send(picture.url, { headers: { accept: 'image/*' } })
      if (!input.ok) throw await failureOf(input)
      yield { name: fileName(picture.prompt, picture.id, picture.format), lastModified: new Date(picture.created_at), input }
      onDone(index + 1)
    }
  }
  const blob = await downloadZip(files()).blob()
  const url = URL.createObjectURL(blob)
  download(url, 'easel.zip')
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
