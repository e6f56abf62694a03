/** Tags put on a built digest. */
import { refusePlan } from './plan-refused.js';
import { namesIn, renderTemplate, TemplateWithoutValue, type TemplateValues } from './templates.js';

/** A tag with one of these in its template names one commit for ever. */
const FIXING = ['sha', 'sha7', 'version'];
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export interface RenderedTags {
  tags: string[];
  fixedTags: string[];
}

/** Renders each template once; one whose value is absent is skipped. Throws PlanRefused for what no registry takes as a tag. */
export function renderTags(
  templates: readonly string[],
  values: TemplateValues,
  where: string,
): RenderedTags {
  const rendered = new Map<string, boolean>();
  for (const template of templates) {
    const tag = renderOrSkip(template, values);
    if (tag === null) continue;
    if (!TAG.test(tag)) {
      throw refusePlan(
        `the tag ${template} becomes ${JSON.stringify(tag)}, which no registry takes`,
        where,
        'a tag has at most 128 letters, digits, . _ - and starts with a letter, digit or _',
      );
    }
    rendered.set(tag, rendered.get(tag) === true || namesIn(template).some((name) => FIXING.includes(name)));
  }
  return {
    tags: [...rendered.keys()],
    fixedTags: [...rendered].filter(([, fixed]) => fixed).map(([tag]) => tag),
  };
}

function renderOrSkip(template: string, values: TemplateValues): string | null {
  try {
    return renderTemplate(template, values);
  } catch (error) {
    if (error instanceof TemplateWithoutValue) return null;
    throw error;
  }
}

/** Branches and versions with characters that tags cannot have: `feat/x` → `feat-x`. */
export function toTagText(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, '-');
}
