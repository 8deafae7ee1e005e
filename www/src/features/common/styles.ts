import { noChange } from 'lit';
import { directive, Directive, type ElementPart } from 'lit/directive.js';

/** Style properties by name; custom properties too. */
type Styles = Readonly<Record<string, string>>;

class StylesDirective extends Directive {
  private last: Styles = {};

  override render(_styles: Styles): unknown {
    return noChange;
  }

  override update(part: ElementPart, [styles]: [Styles]): unknown {
    const { style } = part.element as HTMLElement;
    for (const [name, value] of Object.entries(styles)) if (this.last[name] !== value) style.setProperty(name, value);
    this.last = styles;
    return noChange;
  }
}

/** Sets styles by script. A strict content security policy forbids `style` attributes, but not this. */
export const styles = directive(StylesDirective);
