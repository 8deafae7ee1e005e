/** The dialog of Share. It is loaded with the dialog. */
export const share = {
  title: 'Share',
  close: 'Close',
  link: 'Link to this page',
  claim: 'Link with its numbers: the page checks that it computes the same',
  /** In the page that is one file. */
  hashOnly: 'This page is a file, so a link is only the part after the address. Add it to the address of the published page, or of a copy of this file.',
  embed: 'Embed in another page',
  picture: 'Picture or data…',
  element: 'HTML with the script: as high as its content, loads when it comes near the screen',
  frame: 'HTML without a script: a frame with a fixed height',
  frameTitle: 'A circuit of a small transformer, live',
  preview: 'Preview',
  copy: 'Copy',
  copyOf: (what: string) => `Copy: ${what}`,
  copied: 'The selected text is copied.',
  selected: 'The browser does not allow copying here. The text is selected: copy it with Ctrl+C, or hold it on a touch screen.',
  view: 'Show',
  views: { all: 'All', bars: 'Prompt and bars', graph: 'Graph' },
  theme: 'Colours',
  themes: { auto: 'As the reader’s system', light: 'Light', dark: 'Dark' },
};
