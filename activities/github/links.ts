/** Workflows link by path, so that a link holds behind every address of the UI; on GitHub it needs the address. */

export interface Links {
  linkFor(link: string | null): string | null;
  linksIn(markdown: string): string;
}

/** `uiUrl` null = nobody knows where the UI is: what leads there is left out, and its text stays. */
export function createLinks(uiUrl: string | null): Links {
  const base = uiUrl?.replace(/\/+$/, '') ?? null;
  const linkFor = (link: string | null): string | null => {
    if (link === null || !link.startsWith('/')) return link;
    return base === null ? null : `${base}${link}`;
  };
  return {
    linkFor,
    linksIn: (markdown) =>
      markdown.replaceAll(
        /\[([^[\]]*)\]\((\/namespaces\/[^()\s]*)\)/g,
        (_whole, text: string, link: string) => {
          const address = linkFor(link);
          return address === null ? text : `[${text}](${address})`;
        },
      ),
  };
}
