// A mask that is painted: strokes of points in the picture's own pixels, so that they can be taken back and drawn at any size.

export interface Stroke {
  points: [number, number][]
  width: number
  erases: boolean
}

type Pen = Pick<CanvasRenderingContext2D, 'beginPath' | 'moveTo' | 'lineTo' | 'stroke' | 'lineCap' | 'lineJoin' | 'lineWidth' | 'strokeStyle' | 'globalCompositeOperation'>

/** Draws strokes in their order; an eraser takes away what came before it. */
export function paint(pen: Pen, strokes: readonly Stroke[], colour: string): void {
  pen.lineCap = 'round'
  pen.lineJoin = 'round'
  pen.strokeStyle = colour
  for (const { points, width, erases } of strokes) {
    pen.globalCompositeOperation = erases ? 'destination-out' : 'source-over'
    pen.lineWidth = width
    pen.beginPath()
    points.forEach(([x, y], index) => {
      if (index === 0) pen.moveTo(x, y)
      // A point of its own is a dot.
      if (index > 0 || points.length === 1) pen.lineTo(x + (points.length === 1 ? 0.01 : 0), y)
    })
    pen.stroke()
  }
  pen.globalCompositeOperation = 'source-over'
}

/** The mask as the server takes it: black, and white where it is repainted. */
export function maskBlob(strokes: readonly Stroke[], width: number, height: number): Promise<Blob> {
  const painted = document.createElement('canvas')
  const whole = document.createElement('canvas')
  painted.width = whole.width = width
  painted.height = whole.height = height
  const pen = painted.getContext('2d')
  const ground = whole.getContext('2d')
  if (!pen || !ground) return Promise.reject(new Error('this browser has no canvas'))
  paint(pen, strokes, '#fff')
  ground.fillStyle = '#000'
  ground.fillRect(0, 0, width, height)
  ground.drawImage(painted, 0, 0)
  return new Promise((resolve, reject) => {
    whole.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the mask could not be written'))), 'image/png')
  })
}
