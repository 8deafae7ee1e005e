/** The texts of the tour's first three questions. */
import type { TaskInfo } from '../../engine/protocol';

export interface LessonPrompts {
  /** A text with the other answer. */
  other: string;
  /** The first preset, but longer. */
  longer: string;
  /** A text with something that could mislead. */
  trap: string;
}

const PROMPTS: Record<string, Omit<LessonPrompts, 'other'>> = {
  single_double_quote: {
    longer: "from pathlib import Path\nroot = Path('the data of the first day and of the second day",
    trap: "from pathlib import Path\nhome = Path(\"here\")\nroot = Path('data",
  },
  bracket_counting: {
    longer: 'history = []\nhistory += [price, amount, name, total, number, count, value',
    trap: 'grid = [[0, 0], [0, 1]]\nhistory = []\nhistory += [price, amount',
  },
  set_or_string_fixedvarname: {
    longer: 'message = ""\ncurrent = set()\nfor user in users:\n    message += user.name\n    count += 1\n    print(message)\n    print(count)\n    current',
    trap: 'current = set()\nmessage = ""\nfor user in users:\n    message += user.name\n    current',
  },
  bracket_brace: {
    longer: 'person = {"name": "Mia", "age": 12, "city": "Rome", "school',
    trap: 'names = ["Mia", "Tom"]\nperson = {"name',
  },
  if_equals: {
    longer: 'player = 1\nscore = 0\nwhile True:\n    print(player)\n    print(score)\n    move = ask(player)\n    if move',
    trap: 'player = 1\nif player:\n    score = 0\nmove = ask(player)\nmove',
  },
};

/** The node that the tour switches off, where it is in the circuit of the open model. */
const OFF: Record<string, string> = { single_double_quote: '1.attn.v.65', set_or_string_fixedvarname: '2.attn.v.38' };

/** The prompts of a task. A task that has none of its own uses its presets. */
export function promptsOf({ name, presets }: Pick<TaskInfo, 'name' | 'presets'>): LessonPrompts {
  const first = presets[0]!;
  const other = presets.find((one) => one.answer !== first.answer && !one.fails) ?? presets.at(1) ?? first;
  const rest = presets.filter((one) => one !== first && one !== other);
  const longest = rest.filter((one) => !one.fails).reduce((best, one) => (one.a.tokens.length > best.a.tokens.length ? one : best), rest[0] ?? other);
  return { other: other.a.text, longer: longest.a.text, trap: rest.at(-1)?.a.text ?? other.a.text, ...PROMPTS[name] };
}

export function offNode({ name, start, circuit }: Pick<TaskInfo, 'name' | 'start' | 'circuit'>): string {
  const wanted = OFF[name];
  return circuit.nodes.some(({ node }) => node === wanted) ? wanted! : (start ?? circuit.nodes[0]!.node);
}
