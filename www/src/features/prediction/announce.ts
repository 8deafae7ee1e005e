/** Tells a screen reader the two chances: once a change, not on every key while someone types. */
import type { Snapshot } from '../../state/screen';
import { prediction } from '../../text/en';

const QUIET = 600;

export class Announcer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = '';

  constructor(private readonly say: (text: string) => void) {}

  update(snapshot: Snapshot | null): void {
    if (!snapshot) return;
    const { candidates } = snapshot.task;
    const { p } = snapshot.result.view;
    const text = prediction.announced(candidates, p);
    clearTimeout(this.timer);
    if (text === this.last) return;
    this.timer = setTimeout(() => {
      this.last = text;
      this.say(text);
    }, QUIET);
  }
}
