import { noChange } from 'lit';
import { directive, Directive, type ElementPart } from 'lit/directive.js';

class NumberFieldDirective extends Directive {
  override render(_value: number, _change: (value: number) => void): unknown {
    return noChange;
  }

  override update(part: ElementPart, [value, change]: [number, (value: number) => void]): unknown {
    const field = part.element as HTMLInputElement;
    // The text that the user types stays as long as it is this number.
    if (field.valueAsNumber !== value) field.value = String(value);
    field.oninput = () => {
      if (Number.isFinite(field.valueAsNumber)) change(field.valueAsNumber);
    };
    field.onchange = () => {
      if (!Number.isFinite(field.valueAsNumber)) field.value = String(value);
    };
    return noChange;
  }
}

/** On an `<input type="number">`: shows `value`, and calls `change` with each number that is typed. A text that is no number is put back at the end. */
export const numberField = directive(NumberFieldDirective);
