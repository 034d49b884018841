// The models there are.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as api from '@/api/models'
import { asFailure, type ApiFailure } from '@/api/failure'
import type { Model } from '@/api/types'

export const useModels = defineStore('models', () => {
  const list = ref<Model[]>([])
  const failure = ref<ApiFailure | null>(null)
  const loaded = ref(false)

  async function load(): Promise<void> {
    try {
      list.value = await api.list()
      failure.value = null
      loaded.value = true
    } catch (thrown) {
      failure.value = asFailure(thrown)
    }
  }

  const find = (id: string | null): Model | undefined => list.value.find((model) => model.id === id) ?? list.value[0]

  return { list, failure, loaded, load, find }
})
