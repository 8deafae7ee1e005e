/**
 * Page translators replace a text node by a `<font>` element. Lit does not know of it and assigns the next text to `data` of that element.
 * Here this sets the element's text, so that no old text stays on the screen. The translator then translates the new text.
 */
export function followTranslators(): void {
  Object.defineProperty(HTMLFontElement.prototype, 'data', {
    configurable: true,
    set(this: HTMLFontElement, text: string) {
      this.textContent = text;
    },
  });
}
