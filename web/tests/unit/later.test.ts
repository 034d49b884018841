// Parts that come later come one a task, in the order of the page.
import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick } from 'vue'
import LaterPart from '@/components/ui/LaterPart.vue'
import { inTurn } from '@/lib/turns'

it('work is done one piece a task, in the order in which it came', () => {
  vi.useFakeTimers()
  const done: string[] = []
  inTurn(() => {
    done.push('a')
    inTurn(() => done.push('c'))
  })
  inTurn(() => done.push('b'))
  expect(done).toEqual([])
  vi.advanceTimersToNextTimer()
  expect(done).toEqual(['a'])
  vi.advanceTimersToNextTimer()
  expect(done).toEqual(['a', 'b'])
  vi.runAllTimers()
  expect(done).toEqual(['a', 'b', 'c'])
  inTurn(() => done.push('d'))
  vi.runAllTimers()
  expect(done.at(-1)).toBe('d')
})

it('what fails does not keep the others from their turn', () => {
  vi.useFakeTimers()
  const done = vi.fn()
  inTurn(() => {
    throw new Error('odd')
  })
  inTurn(done)
  expect(() => vi.runAllTimers()).toThrow('odd')
  vi.runAllTimers()
  expect(done).toHaveBeenCalled()
})

it('a part is drawn in its turn, and something stands in its place until then', async () => {
  vi.useFakeTimers()
  const page = defineComponent(() => () => [1, 2].map((part) => h(LaterPart, { key: part }, { default: () => h('b', part), meanwhile: () => h('i', part) })))
  const wrapper = mount(page, { global: { stubs: { LaterPart: false } } })
  expect(wrapper.html()).toBe('<i>1</i>\n<i>2</i>')
  vi.advanceTimersToNextTimer()
  await nextTick()
  expect(wrapper.html()).toBe('<b>1</b>\n<i>2</i>')
  vi.runAllTimers()
  await nextTick()
  expect(wrapper.html()).toBe('<b>1</b>\n<b>2</b>')
})
