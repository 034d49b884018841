// Shows openapi.json. Everything is set as text, so nothing in the document can become markup.
"use strict";

const make = (name, text, ...children) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

const resolve = (schema, spec) => {
  const name = schema?.$ref?.split("/").pop();
  return name ? { name, ...spec.components.schemas[name] } : schema ?? {};
};

const typeOf = (schema, spec) => {
  const found = resolve(schema, spec);
  if (found.name) return found.name;
  const options = found.oneOf ?? found.anyOf ?? found.allOf;
  if (options) return options.map((option) => typeOf(option, spec)).join(" | ");
  if (found.type === "array") return `${typeOf(found.items, spec)}[]`;
  return [found.type].flat().filter(Boolean).join(" | ") + (found.format ? ` (${found.format})` : "");
};

const table = (head, rows) => {
  const row = (kind, cells) => make("tr", "", ...cells.map((cell) => make(kind, cell)));
  return make("table", "", make("thead", "", row("th", head)), make("tbody", "", ...rows.map((cells) => row("td", cells))));
};

const fields = (schema, spec) => {
  const found = resolve(schema, spec);
  const required = new Set(found.required ?? []);
  const rows = Object.entries(found.properties ?? {}).map(([name, field]) => [
    name + (required.has(name) ? " *" : ""), typeOf(field, spec), field.description ?? "",
  ]);
  return rows.length ? table(["Field", "Type", "Meaning"], rows) : make("p", typeOf(schema, spec));
};

const needs = (operation) => {
  const ways = (operation.security ?? []).flatMap((way) => Object.entries(way));
  const words = ways.map(([name, what]) => (what.length ? `${name} (${what.join(", ")})` : name));
  return words.length ? `Needs: ${words.join(" or ")}` : "Needs nothing";
};

const show = (path, verb, operation, spec) => {
  const parts = [make("p", operation.description ?? ""), make("p", needs(operation))];
  if (operation.parameters?.length) {
    const rows = operation.parameters.map((p) => [`${p.name} (${p.in})`, typeOf(p.schema, spec), p.description ?? ""]);
    parts.push(make("h4", "Parameters"), table(["Name", "Type", "Meaning"], rows));
  }
  for (const [type, body] of Object.entries(operation.requestBody?.content ?? {})) {
    parts.push(make("h4", `Body: ${type}`), fields(body.schema, spec));
  }
  for (const [status, answer] of Object.entries(operation.responses ?? {})) {
    parts.push(make("h4", `${status}: ${answer.description}`));
    if (status.startsWith("2")) Object.values(answer.content ?? {}).forEach((body) => body.schema && parts.push(fields(body.schema, spec)));
  }
  const verbMark = make("span", verb.toUpperCase());
  verbMark.className = "verb";
  return make("details", "", make("summary", "", verbMark, make("code", path), ` ${operation.summary ?? ""}`), ...parts);
};

const main = async () => {
  const spec = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = `${spec.info.description} Version ${spec.info.version}.`;
  const operations = document.getElementById("operations");
  operations.replaceChildren();
  for (const tag of spec.tags ?? []) {
    const section = make("section", "", make("h2", tag.name), make("p", tag.description ?? ""));
    section.id = tag.name;
    for (const [path, item] of Object.entries(spec.paths)) {
      for (const [verb, operation] of Object.entries(item)) {
        if (operation.tags?.includes(tag.name)) section.append(show(path, verb, operation, spec));
      }
    }
    operations.append(section);
    const link = make("a", tag.name);
    link.href = `#${tag.name}`;
    document.getElementById("subjects").append(make("li", "", link));
  }
};

main().catch(() => { document.getElementById("operations").textContent = "openapi.json cannot be read."; });
