// Light, dark, or as the system has it. `public/theme.js` sets it before anything is painted.
import { useLocalStorage, usePreferredDark } from '@vueuse/core'
import { watchEffect } from 'vue'

export type Theme = 'system' | 'light' | 'dark'

const theme = useLocalStorage<Theme>('easel-theme', 'system')

export function useTheme() {
  const dark = usePreferredDark()
  watchEffect(() => {
    const shown = theme.value === 'system' ? (dark.value ? 'dark' : 'light') : theme.value
    document.documentElement.dataset['theme'] = shown
    const colour = shown === 'dark' ? '#000000' : '#faf8f2'
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', colour)
  })
  return theme
}
