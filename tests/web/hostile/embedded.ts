/** Formulas and diagrams: languages with ways out of their own. */
import { named, type Payload, type Place } from './payload.ts';

export function formulas({ canary, script }: Place): Payload[] {
  const sources = [
    `\\href{javascript:${script}}{x}`,
    `\\url{javascript:${script}}`,
    `\\href{${canary}/href}{x}`,
    `\\includegraphics[width=1em]{${canary}/math.png}`,
    `\\includegraphics{data:image/svg+xml,<svg onload=${script}>}`,
    `\\htmlData{x=1}{y}`,
    `\\htmlId{root}{y}`,
    `\\htmlClass{fixed inset-0}{y}`,
    `\\htmlStyle{position:fixed; background:url(${canary}/hs)}{y}`,
    `\\text{<img src=x onerror=${script}>}`,
    `\\text{<script>${script}</script>}`,
    `\\unicode{<img src=x onerror=${script}>}`,
    `\\require{html}\\href{javascript:${script}}{x}`,
    `\\style{background:url(${canary}/st)}{x}`,
    `\\class{x}{y} \\cssId{root}{z}`,
    `\\def\\x{\\x}\\x`,
    `\\def\\a{\\b\\b}\\def\\b{\\a\\a}\\a`,
    `\\newcommand{\\x}[1]{#1#1#1#1}\\x{\\x{\\x{\\x{\\x{\\x{y}}}}}}`,
    `\\gdef\\href{x}\\href`,
    `\\rule{100000em}{100000em}`,
    `\\kern{-100000em}x\\raisebox{100000em}{y}`,
    `\\color{red;background:url(${canary}/co)}x`,
    `\\textcolor{url(${canary}/tc)}{x}`,
    `\\colorbox{expression(${script})}{x}`,
    `${'{'.repeat(500)}x${'}'.repeat(500)}`,
    `${'\\frac{1}{'.repeat(60)}x${'}'.repeat(60)}`,
    `\\begin{array}{${'c'.repeat(300)}}${'&'.repeat(299)}\\end{array}`,
    `\\${'sqrt{\\'.repeat(50)}`,
  ];
  return [
    ...named(
      'formula',
      sources.flatMap((source) => [`Inline $${source}$ here.`, `$$\n${source}\n$$`]),
    ),
    ...named('formula elsewhere', [
      `\\(\\href{javascript:${script}}{x}\\)`,
      `\\[\\includegraphics{${canary}/bracket.png}\\]`,
      `$<img src=x onerror=${script}>$`,
      `$$<script>${script}</script>$$`,
      `\`\`\`math\n\\href{javascript:${script}}{x}\n\`\`\``,
    ]),
  ];
}

export function diagrams({ canary, script }: Place): Payload[] {
  const sources = [
    `graph TD\n  A-->B\n  click A "javascript:${script}"`,
    `graph TD\n  A-->B\n  click A href "${canary}/click" _self`,
    `graph TD\n  A-->B\n  click A call tripwire("callback")`,
    `graph TD\n  A["<img src=x onerror=${script}>"]-->B`,
    `graph TD\n  A["<img src='${canary}/label.png'>"]-->B`,
    `graph TD\n  A["<script>${script}</script>"]-->B`,
    `graph TD\n  A["<iframe srcdoc='<script>parent.parent.${script}</script>'></iframe>"]`,
    `%%{init: {"securityLevel": "loose", "htmlLabels": true}}%%\ngraph TD\n  A["<img src=x onerror=${script}>"]`,
    `%%{init: {"themeCSS": "@import url(${canary}/theme.css); * { background: url(${canary}/bg) }"}}%%\ngraph TD\n  A-->B`,
    `%%{init: {"themeVariables": {"primaryColor": "red;}*{background:url(${canary}/tv)}"}}}%%\ngraph TD\n  A-->B`,
    `%%{init: {"fontFamily": "x;background:url(${canary}/ff)"}}%%\ngraph TD\n  A-->B`,
    `%%{init: {"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": 1}}}}%%\ngraph TD\n  A-->B`,
    `---\nconfig:\n  securityLevel: loose\n  themeCSS: "* { background: url(${canary}/front) }"\n---\ngraph TD\n  A-->B`,
    `graph TD\n  A-->B\n  style A fill:url(${canary}/fill)\n  classDef x fill:url(${canary}/cd)\n  class B x`,
    `graph TD\n  A@{ img: "${canary}/shape.png", label: "x" }`,
    `graph TD\n  A@{ icon: "fa:${script}", label: "x" }`,
    `sequenceDiagram\n  participant A as <img src=x onerror=${script}>\n  A->>A: <script>${script}</script>`,
    `sequenceDiagram\n  participant A\n  link A: x @ javascript:${script}\n  links A: {"y": "${canary}/links"}`,
    `classDiagram\n  class A\n  link A "javascript:${script}"\n  click A href "${canary}/class"`,
    `gantt\n  title <img src=x onerror=${script}>\n  section a\n  b :a1, 2020-01-01, 1d\n  click a1 href "javascript:${script}"`,
    `erDiagram\n  A ||--o{ B : "<img src=x onerror=${script}>"`,
    `pie title <svg onload=${script}>\n  "<img src=${canary}/pie>" : 1`,
    `mindmap\n  root((<img src=x onerror=${script}>))`,
    `journey\n  title <script>${script}</script>\n  section a\n    b: 5: c`,
    `graph TD\n${Array.from({ length: 1000 }, (_, i) => `  A${i}-->A${i + 1}`).join('\n')}`,
    `graph TD\n  A["$$\\\\href{javascript:${script}}{x}$$"]`,
    `this is no diagram <img src=x onerror=${script}>`,
    '',
  ];
  return named(
    'diagram',
    sources.map((source) => `\`\`\`mermaid\n${source}\n\`\`\``),
  );
}
