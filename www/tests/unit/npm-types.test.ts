/** The types of the npm package are written by hand; they must say what the element does. */
import { expectTypeOf, it } from 'vitest';
import type { SparseCircuitAttributes, SparseCircuitChange } from '../../npm/embed';
import type { Change } from '../../src/domain/embed-messages';
import type { OBSERVED } from '../../src/embed-element/attributes';
import type { EmbedOptions } from '../../src/features/embed/options';

it('types of the package are those of the source', () => {
  expectTypeOf<SparseCircuitChange>().toEqualTypeOf<Change>();
  expectTypeOf<keyof SparseCircuitAttributes>().toEqualTypeOf<(typeof OBSERVED)[number]>();
  expectTypeOf<Required<SparseCircuitAttributes>>().toExtend<EmbedOptions & { mode: Change['mode'] }>();
  expectTypeOf<EmbedOptions & { mode: Change['mode'] }>().toExtend<Pick<SparseCircuitAttributes, 'view' | 'theme' | 'mode'>>();
});
