import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { menu } from '../../bar/menu.ts'
import { problems } from '../schemas.ts'

const MenuWire = Type.Object({
  categories: Type.Array(
    Type.Object({
      name: Type.String(),
      items: Type.Array(
        Type.Object({ name: Type.String(), price: Type.Number(), price_cents: Type.Integer() }),
      ),
    }),
  ),
  modifiers: Type.Array(Type.String()),
})

/** What the bar serves. */
export const menuRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/menu',
    { schema: { tags: ['menu'], summary: 'What the bar serves', response: { 200: MenuWire, ...problems } } },
    async () => ({
      categories: menu.categories.map(({ name, items }) => ({
        name,
        items: items.map((item) => ({
          name: item.name,
          price: item.priceCents / 100,
          price_cents: item.priceCents,
        })),
      })),
      modifiers: [...menu.modifiers],
    }),
  )
}
