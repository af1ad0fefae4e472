// The one style sheet of the page, light and dark. Contrast of text against what lies below it is at least 4.5 : 1.
// Inside the page, as nothing is loaded.

const LIGHT = `--bg:#fff;--panel:#f5f6f8;--ink:#1b1f24;--soft:#57606a;--line:#c9d0d8;--box:#fff;--member:#eef3fb;
--edge:#e8f5ec;--together:#2b62c4;--apart:#c2760c;--link:#1a55b8;--w0:#2b62c4;--w1:#a8480b;--w2:#167a4a;--w3:#8a3ab0;
--w4:#b0255e;--w5:#0d7484`;
const DARK = `--bg:#0f1318;--panel:#171c23;--ink:#e6eaf0;--soft:#a3adb9;--line:#38424e;--box:#1b212a;--member:#243044;
--edge:#1c3227;--together:#6ea3ff;--apart:#f0a94b;--link:#8ab6ff;--w0:#7eacff;--w1:#f0a060;--w2:#5fcf95;--w3:#cf9af0;
--w4:#ff8ab5;--w5:#5fcfdf`;

const WIRES = [0, 1, 2, 3, 4, 5].map((i) => `.w${i}{--c:var(--w${i})}`).join('');

export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:1500px;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .2rem}h2{font-size:1.25rem;margin:2rem 0 .6rem}
h3{font-size:1.05rem;margin:0;display:inline}
p{margin:.3rem 0 .8rem;color:var(--soft)}a{color:var(--link)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:.6rem;margin:1rem 0}
.figures div{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0}.figures dd{font-size:1.15rem;font-weight:600}
.figures small{display:block;font-size:.8rem;font-weight:400;color:var(--soft)}
details{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;background:var(--panel)}
summary{cursor:pointer;padding:.5rem .8rem}
.scroll{overflow:auto;max-height:85vh;background:var(--bg);border-top:1px solid var(--line);border-radius:0 0 8px 8px}
svg{display:block;margin:0 auto}svg text{font:11px/1 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink)}
svg .h{font-weight:700}svg .r{text-anchor:end;fill:var(--soft)}svg .q,svg .k{fill:var(--soft)}
svg a{text-decoration:none}svg a:hover .b,svg a:focus .b{stroke:var(--link);stroke-width:2}
.b{fill:var(--box);stroke:var(--line)}.m{fill:var(--member)}.e{fill:var(--edge);stroke:var(--line)}
.l{stroke:var(--soft);stroke-width:1.5}
${WIRES}
.w path{fill:none;stroke:var(--c);stroke-width:1.4}.w .a{fill:var(--c);stroke:none}.w text{fill:var(--c)}
.w:hover path{stroke-width:3.5}.w:hover text{font-weight:700}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th{white-space:nowrap}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{position:sticky;top:0;background:var(--panel);z-index:1}
td.n{text-align:right;white-space:nowrap}td.v{width:32%;min-width:260px}td:first-child{min-width:10rem}
.bar{display:grid;grid-template-columns:1fr 7.5rem;gap:.5rem;align-items:center;font-size:.8rem;line-height:1.35}
.bar i{display:block;height:.6rem;border-radius:2px;min-width:1px;background:var(--together)}
.bar.o i{background:var(--apart)}.bar span{white-space:nowrap}
.key i{display:inline-block;width:.8rem;height:.6rem;border-radius:2px;margin:0 .3rem 0 .8rem;background:var(--together)}
.key i.o{background:var(--apart)}
.body{padding:.2rem .9rem .9rem;scroll-margin-top:4rem}.body dl{display:grid;grid-template-columns:11rem 1fr;gap:.25rem 1rem;margin:0}
.body ul,.body ol{margin:0;padding-left:1.2rem}code{font:.86em ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.kernel{background:var(--bg)}.sum{color:var(--soft);margin-left:.6rem}
@media (max-width:700px){body{padding:.8rem}.body dl{grid-template-columns:1fr}}`;
