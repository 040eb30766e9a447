#!/usr/bin/env python3
"""Writes records.h and records.c from the Avro schemas: generate.py OUTDIR SCHEMA...

Schemas in a folder named history are older versions, as history/<Name>.<n>.avsc: only their text is
kept, and the fingerprint by which their records are known. For each other record a C struct (how Avro types look in C: gateway/include/egw/codec.h) and a constant
table the codec walks. Stops when a field lacks its doc or its class (id, pii, free): that is the
check that every field's privacy was thought about (promises A6).
"""
import json
import os
import re
import struct
import sys

PRIMITIVES = {
    "null": ("NULL", None), "boolean": ("BOOLEAN", "bool"), "int": ("INT", "int32_t"),
    "long": ("LONG", "int64_t"), "float": ("FLOAT", "float"), "double": ("DOUBLE", "double"),
    "bytes": ("BYTES", "struct egw_str"), "string": ("STRING", "struct egw_str"),
}
OPTIONAL = {"boolean": "struct egw_opt_bool", "int": "struct egw_opt_i32",
            "long": "struct egw_opt_i64", "double": "struct egw_opt_double",
            "enum": "struct egw_opt_i32"}
CLASSES = {"id": "EGW_CLASS_ID", "pii": "EGW_CLASS_PII", "free": "EGW_CLASS_FREE"}


class Fault(Exception):
    pass


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def crc64(data):
    """CRC-64-AVRO, the Rabin fingerprint of the Avro specification."""
    empty = 0xC15D213AA4D7A795
    table = []
    for i in range(256):
        fp = i
        for _ in range(8):
            fp = (fp >> 1) ^ (empty if fp & 1 else 0)
        table.append(fp)
    fp = empty
    for byte in data:
        fp = (fp >> 8) ^ table[(fp ^ byte) & 0xFF]
    return fp


def canonical(schema, space=None):
    """Parsing canonical form of the Avro specification."""
    if isinstance(schema, str):
        if schema in PRIMITIVES or "." in schema or not space:
            return json.dumps(schema)
        return json.dumps(space + "." + schema)
    if isinstance(schema, list):
        return "[" + ",".join(canonical(s, space) for s in schema) + "]"
    kind = schema["type"]
    if kind in PRIMITIVES:
        return json.dumps(kind)
    if kind == "array":
        return '{"type":"array","items":%s}' % canonical(schema["items"], space)
    if kind == "map":
        return '{"type":"map","values":%s}' % canonical(schema["values"], space)
    name = schema["name"]
    space = schema.get("namespace", space)
    full = name if "." in name or not space else space + "." + name
    if kind == "record":
        fields = ",".join('{"name":%s,"type":%s}' % (json.dumps(f["name"]), canonical(f["type"], space))
                          for f in schema["fields"])
        return '{"name":%s,"type":"record","fields":[%s]}' % (json.dumps(full), fields)
    if kind == "enum":
        return '{"name":%s,"type":"enum","symbols":[%s]}' % (
            json.dumps(full), ",".join(json.dumps(s) for s in schema["symbols"]))
    if kind == "fixed":
        return '{"name":%s,"type":"fixed","size":%d}' % (json.dumps(full), schema["size"])
    raise Fault("unknown type %r" % (kind,))


def long_bytes(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n & ~0x7F:
        out.append((n & 0x7F) | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def aliases_of(schema):
    """The initializer of a field's or a named type's aliases; empty without any."""
    if not schema.get("aliases"):
        return ""
    return ", .aliases = (const char *const[]){%s, NULL}" % ", ".join(json.dumps(a) for a in schema["aliases"])


SHORT = 64     # bytes of a text of at most 63 with its length: what the encoder need not look at
VARINT = 10
PUTS = {       # kind: (op for the value, bytes at most, op for the optional value)
    "boolean": ("BOOLEAN", 1, "OPT_BOOLEAN"), "int": ("INT", VARINT, "OPT_INT"),
    "long": ("LONG", VARINT, "OPT_LONG"), "float": ("FLOAT", 4, None),
    "double": ("DOUBLE", 8, "OPT_DOUBLE"), "bytes": ("STRINGS", SHORT, "OPT_STRINGS"),
    "string": ("STRINGS", SHORT, "OPT_STRINGS"), "enum": ("ENUM", VARINT, "OPT_ENUM"),
    "fixed": ("FIXED", 0, "OPT_FIXED"),
}


class Writer:
    def __init__(self):
        self.puts = {}       # variable of a record's table -> [op, count, place, table, bytes at most]
        self.named = {}      # full name -> (definition text, C info)
        self.structs = []    # C declarations in order
        self.tables = []     # C definitions in order
        self.count = 0
        self.types = {}      # canonical key of an anonymous type -> variable

    def note(self, full, schema):
        text = json.dumps(schema, sort_keys=True)
        if full in self.named:
            if self.named[full][0] != text:
                raise Fault("%s is defined twice, and differently" % full)
            return self.named[full][1]
        return None

    def anonymous(self, key, kind, size, extra="", logical="EGW_L_NONE"):
        if key in self.types:
            return self.types[key]
        var = "type_%d" % len(self.types)
        self.types[key] = var
        self.tables.append(
            "static const struct egw_type %s = {.kind = EGW_K_%s, .logical = %s, .size = sizeof(%s),"
            " .default_symbol = -1%s};" % (var, kind, logical, size, extra))
        return var

    def use(self, schema, space, where):
        """(kind, C declaration with %s for the name, variable of the table) of a schema."""
        if isinstance(schema, str) and schema not in PRIMITIVES:
            full = schema if "." in schema else space + "." + schema
            if full not in self.named:
                raise Fault("%s: %s is not defined" % (where, full))
            return self.named[full][1]
        if isinstance(schema, str):
            schema = {"type": schema}
        if isinstance(schema, list):
            return self.union(schema, space, where)
        kind = schema["type"]
        if kind in PRIMITIVES:
            tag, ctype = PRIMITIVES[kind]
            logical = "EGW_L_TIMESTAMP_MS" if schema.get("logicalType") == "timestamp-millis" else "EGW_L_NONE"
            var = self.anonymous((kind, logical), tag, ctype or "char", logical=logical)
            return (kind, (ctype or "char") + " %s", var)
        if kind in ("array", "map"):
            _, decl, var = self.use(schema["items" if kind == "array" else "values"], space, where)
            if kind == "map" and "egw_str" not in decl:
                raise Fault("%s: only maps of string are supported" % where)
            own = self.anonymous((kind, var), kind.upper(), "struct egw_list", ", .item = &%s" % var)
            return (kind, "struct egw_list %%s /* of %s */" % decl.replace(" %s", "").strip(), own)
        return self.define(schema, space, where)

    def union(self, schema, space, where):
        if len(schema) == 2 and schema[0] == "null":
            kind, decl, var = self.use(schema[1], space, where)
            if kind in ("string", "bytes"):
                own = "struct egw_str %s"
            elif kind in OPTIONAL:
                own = OPTIONAL[kind] + " %s"
            elif kind == "record":
                own = decl.replace("%s", "*%s")
            elif kind == "fixed":
                own = "unsigned char *%s"
            else:
                raise Fault("%s: union of null and %s is not supported" % (where, kind))
            size = own.replace("%s", "").replace(" *", " *").strip()
            return ("option", own, self.anonymous(("option", var), "OPTION", size, ", .item = &%s" % var))
        members = [self.use(s, space, where) for s in schema]
        if any(m[0] != "record" for m in members):
            raise Fault("%s: only unions of records, or of null and one type" % where)
        name = "branches_%d" % len(self.types)
        self.tables.append("static const struct egw_type *const %s[] = {%s};" % (
            name, ", ".join("&" + m[2] for m in members)))
        own = self.anonymous(("choice", name), "CHOICE", "struct egw_choice",
                             ", .branches = %s, .branch_count = %d" % (name, len(members)))
        return ("choice", "struct egw_choice %s", own)

    def define(self, schema, space, where):
        space = schema.get("namespace", space)
        full = space + "." + schema["name"]
        known = self.note(full, schema)
        if known:
            return known
        c = "egw_" + snake(schema["name"])
        var = c.replace("egw_", "egw_type_", 1)
        kind = schema["type"]
        if not schema.get("doc") and kind != "fixed":
            raise Fault("%s has no doc" % full)
        if kind == "fixed":
            info = (kind, "unsigned char %%s[%d]" % schema["size"], var)
            self.tables.append("const struct egw_type %s = {.kind = EGW_K_FIXED, .name = \"%s\", "
                               ".size = %d, .default_symbol = -1%s};" % (var, full, schema["size"], aliases_of(schema)))
        elif kind == "enum":
            upper = c.upper()
            self.structs.append("enum %s {\n%s\n};\nenum { %s_COUNT = %d };\n"
                                "extern const char *const %s_names[];" % (
                c, "\n".join("    %s_%s," % (upper, s) for s in schema["symbols"]), upper,
                len(schema["symbols"]), c))
            default = schema["symbols"].index(schema["default"]) if "default" in schema else -1
            self.tables.append("const char *const %s_names[] = {%s};" % (
                c, ", ".join('"%s"' % s for s in schema["symbols"])))
            self.tables.append(
                "const struct egw_type %s = {.kind = EGW_K_ENUM, .name = \"%s\", .size = sizeof(int32_t), "
                ".symbols = %s_names, .symbol_count = %d, .default_symbol = %d%s};" % (
                    var, full, c, len(schema["symbols"]), default, aliases_of(schema)))
            info = (kind, "int32_t %%s /* enum %s */" % c, var)
        elif kind == "record":
            self.record(schema, space, full, c, var)
            info = (kind, "struct %s %%s" % c, var)
        else:
            raise Fault("%s: unknown type %r" % (where, kind))
        self.structs.append("extern const struct egw_type %s;" % var)
        self.named[full] = (json.dumps(schema, sort_keys=True), info)
        return info

    def record(self, schema, space, full, c, var):
        members, rows = [], []
        for field in schema["fields"]:
            where = "%s.%s" % (full, field["name"])
            if not field.get("doc"):
                raise Fault("%s has no doc" % where)
            if field.get("class") not in CLASSES:
                raise Fault("%s has no class: it must be one of id, pii, free" % where)
            _, decl, type_var = self.use(field["type"], space, where)
            body, _, comment = (decl % field["name"]).partition(" /*")
            members.append("    %s;%s" % (body.strip(), " /*" + comment if comment else ""))
            extra = ""
            if "default" in field:
                data = self.encode(field["type"], field["default"], space, where)
                extra = ", .has_default = true, .default_bytes = (const unsigned char[]){%s}, .default_n = %d" % (
                    ", ".join("0x%02x" % b for b in data) or "0", len(data))
            extra += aliases_of(field)
            rows.append("    {.name = \"%s\", .doc = %s, .type = &%s, .offset = offsetof(struct %s, %s), "
                        ".cls = %s%s}," % (field["name"], json.dumps(field["doc"]), type_var, c,
                                           field["name"], CLASSES[field["class"]], extra))
        self.structs.append("/* %s */\nstruct %s {\n%s\n};" % (schema["doc"], c, "\n".join(members)))
        self.tables.append("static const struct egw_field %s_fields[] = {\n%s\n};" % (var, "\n".join(rows)))
        puts = self.program(schema, space, full, c, var)
        top = ""
        if schema.get("top"):
            text = schema["top"]
            self.tables.append(literal(var + "_json", text))
            top = ", .json = %s_json, .fingerprint = UINT64_C(0x%016x)" % (
                var, crc64(canonical(json.loads(text)).encode()))
        self.tables.append(
            "const struct egw_type %s = {.kind = EGW_K_RECORD, .name = \"%s\", .size = sizeof(struct %s), "
            ".fields = %s_fields, .field_count = %d, .default_symbol = -1%s%s%s};" % (
                var, full, c, var, len(schema["fields"]), puts, top, aliases_of(schema)))

    def program(self, schema, space, full, c, var):
        """The encoder's ops for a record (struct egw_put). Texts side by side are one op, a record
        in place is its ops; a record with a form no op is for has none and is written by its table."""
        rows = []
        for field in schema["fields"]:
            added = self.put(field["type"], space, full, "offsetof(struct %s, %s)" % (c, field["name"]))
            if added is None:
                return ""
            for row in added:
                if rows and row[0] == rows[-1][0] and row[0] in ("STRINGS", "OPT_STRINGS"):
                    rows[-1][1] += row[1]
                    rows[-1][4] += row[4]
                else:
                    rows.append(list(row))
        self.puts[var] = rows
        self.tables.append("static const struct egw_put %s_puts[] = {\n    {.op = EGW_PUT_HEAD, .count = %d},\n%s\n"
                           "    {.op = EGW_PUT_END},\n};" % (var, sum(row[4] for row in rows), "\n".join("    {.op = EGW_PUT_%s, .count = %d, .at = %s, .type = %s}," % (
                op, count, at, "&" + table if table else "NULL") for op, count, at, table, _ in rows)))
        return ", .puts = %s_puts" % var

    def put(self, schema, space, where, at):
        """The ops of one field at `at`; None when there is none for its form."""
        kind, _, var = self.use(schema, space, where)
        optional = kind == "option"
        if optional:
            schema = schema[1]
            kind, _, var = self.use(schema, space, where)
        if kind in PUTS:
            op, room, opt = PUTS[kind]
            definition = json.loads(self.named[self.full(schema, space)][0]) if kind in ("enum", "fixed") else {}
            count = len(definition["symbols"]) if kind == "enum" else definition.get("size", 1)
            room = count if kind == "fixed" else room
            return [(opt, count, at, None, 1 + room) if optional else (op, count, at, None, room)]
        if kind == "record":
            if var not in self.puts:
                return None
            if optional:
                return [("OPT_RECORD", 1, at, var, 1)]
            return [(op, n, at + " + " + inner, table, room) for op, n, inner, table, room in self.puts[var]]
        if kind == "choice":
            if any(self.use(s, space, where)[2] not in self.puts for s in schema):
                return None
            return [("CHOICE", len(schema), at, var, VARINT)]
        if kind == "null":
            return None
        if kind == "map":
            return [("TEXTS", 2, at, None, VARINT + 1)]
        item, _, item_var = self.use(schema["items"], space, where)
        if item in ("string", "bytes"):
            return [("TEXTS", 1, at, None, VARINT + 1)]
        if item != "record" or item_var not in self.puts:
            return None
        rows = self.puts[item_var]
        if len(rows) == 1 and rows[0][0] == "STRINGS":
            return [("TEXTS", rows[0][1], at, None, VARINT + 1)]
        return [("RECORDS", 1, at, item_var, VARINT + 1)]

    @staticmethod
    def full(schema, space):
        """Full name of a named type, used or defined."""
        name = schema if isinstance(schema, str) else schema["name"]
        space = space if isinstance(schema, str) else schema.get("namespace", space)
        return name if "." in name else space + "." + name

    def encode(self, schema, value, space, where):
        """The default in Avro's binary form; a union's default is of its first branch."""
        if isinstance(schema, list):
            return long_bytes(0) + self.encode(schema[0], value, space, where)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "null":
            return b""
        if kind == "boolean":
            return bytes([1 if value else 0])
        if kind in ("int", "long"):
            return long_bytes(value)
        if kind == "double":
            return struct.pack("<d", value)
        if kind == "float":
            return struct.pack("<f", value)
        if kind in ("string", "bytes"):
            data = value.encode("utf-8" if kind == "string" else "latin-1")
            return long_bytes(len(data)) + data
        if kind in ("array", "map") and not value:
            return long_bytes(0)
        raise Fault("%s: a default of this type is not supported" % where)


def literal(var, text):
    """A C string, cut into pieces a compiler takes."""
    pieces = [text[i:i + 900] for i in range(0, len(text), 900)]
    return "static const char %s[] =\n%s;" % (var, "\n".join("    " + json.dumps(p) for p in pieces))


def load(path):
    with open(path, encoding="utf-8") as f:
        schema = json.load(f)
    return schema, json.dumps(schema, separators=(",", ":"), ensure_ascii=True)


def old_schemas(paths, tops):
    """Definitions of egw_old_schemas: fingerprints differ, or an old version could not be told."""
    texts, rows, seen = [], [], {}
    for path in paths:
        name, _, number = os.path.basename(path)[:-len(".avsc")].rpartition(".")
        schema, text = load(path)
        if name not in tops or not number.isdigit():
            raise Fault("%s: an older version is named <Name>.<number>.avsc after a record of ours" % path)
        if schema["name"] != name:
            raise Fault("%s: describes %s" % (path, schema["name"]))
        fingerprint = crc64(canonical(schema).encode())
        if fingerprint in seen:
            raise Fault("%s: has the fingerprint of %s" % (path, seen[fingerprint]))
        seen[fingerprint] = path
        var = "old_%s_%s_json" % (snake(name), number)
        texts.append(literal(var, text))
        rows.append("    {%s, &egw_type_%s, UINT64_C(0x%016x)}," % (var, snake(name), fingerprint))
    rows.append("    {NULL, NULL, 0},")
    return "\n\n".join(texts + ["const struct egw_old_schema egw_old_schemas[] = {\n%s\n};" % "\n".join(rows)])


def main(argv):
    out = argv[1]
    paths = sorted(p for p in argv[2:] if os.path.basename(os.path.dirname(p)) != "history")
    history = sorted(p for p in argv[2:] if p not in paths)
    writer, tops = Writer(), []
    try:
        for path in paths:
            schema, text = load(path)
            try:
                writer.define(dict(schema, top=text), None, os.path.basename(path))
            except Fault as fault:
                raise Fault("%s: %s" % (os.path.basename(path), fault))
            tops.append(schema["name"])
        old = old_schemas(history, tops)
    except Fault as fault:
        sys.exit(str(fault))
    head = "/* Written by schemas/generate.py from schemas/ (one .avsc a record). Do not edit. */\n"
    with open(os.path.join(out, "records.h"), "w", encoding="utf-8") as f:
        f.write(head + "#ifndef EGW_RECORDS_H\n#define EGW_RECORDS_H\n\n#include \"egw/codec.h\"\n\n")
        f.write("\n\n".join(writer.structs))
        f.write("\n\n/* The records that stand on topics, by name. */\nenum egw_record {\n%s\n};\n" % "\n".join(
            "    EGW_RECORD_%s," % snake(t).upper() for t in tops))
        f.write("enum { EGW_RECORD_COUNT = %d };\n" % len(tops))
        f.write("extern const struct egw_type *const egw_record_types[];\n\n")
        f.write("/* Versions written before; json == NULL ends them. */\nstruct egw_old_schema {\n"
                "    const char *json;\n    const struct egw_type *type;\n    uint64_t fingerprint;\n};\n"
                "extern const struct egw_old_schema egw_old_schemas[];\n\n#endif\n")
    with open(os.path.join(out, "records.c"), "w", encoding="utf-8") as f:
        f.write(head + "#include \"egw/records.h\"\n\n")
        f.write("\n\n".join(writer.tables))
        f.write("\n\nconst struct egw_type *const egw_record_types[] = {%s};\n\n" % ", ".join(
            "&egw_type_" + snake(t) for t in tops))
        f.write(old + "\n")


if __name__ == "__main__":
    main(sys.argv)
