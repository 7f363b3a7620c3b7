"""Are two databases equal? Every column as HEX, every row, and the definitions."""
import json


def tables(server, schema):
    rows = server.run("SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
                      f"AND table_schema = '{schema}'")
    return sorted(row[0] for row in rows)  # servers sort by their own collations


def _name(text):
    return "`" + text.replace("`", "``") + "`"


def _text(value):
    """A literal that every sql_mode reads alike."""
    return "_utf8mb4 x'" + value.encode().hex() + "'" if "'" in value or "\\" in value else f"'{value}'"


# Types whose HEX would lose something, read as they are.
_PLAIN = {"decimal", "double"}


def _same_json(value):
    return None if value is None else json.dumps(json.loads(value), sort_keys=True)


_TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"}


def rows(server, schema, table, types, characters=False):
    """All rows as tuples of texts, sorted: bytes as HEX, exact and floating numbers as the server gives them. `types` is
    by column; JSON is compared by its value (servers print it differently). `characters`: of text not its bytes."""
    columns = list(types)
    # A FLOAT's text has fewer digits than the value on some servers.
    parts = ", ".join(_name(c) if types[c] in _PLAIN or types[c] == "json" else
                      f"{_name(c)} + 0e0" if types[c] == "float" else
                      f"HEX(CONVERT({_name(c)} USING utf8mb4))" if characters and types[c] in _TEXT else
                      f"HEX({_name(c)})" for c in columns)
    read = server.run("SET time_zone = '+00:00'", "SET sql_mode = ''", f"SELECT {parts} FROM {_name(schema)}.{_name(table)}")
    read = [tuple(_same_json(v) if types[c] == "json" else v for c, v in zip(columns, row)) for row in read]
    return sorted(read, key=lambda row: [(value is None, str(value)) for value in row])


def column_types(server, schema, table):
    """Data type by column, in order. MariaDB's JSON (a checked LONGTEXT) counts as json."""
    types = {}
    for name, kind, extra in server.run(
            f"SELECT column_name, data_type, column_type FROM information_schema.columns WHERE table_schema = '{schema}' "
            f"AND table_name = {_text(table)} ORDER BY ordinal_position"):
        types[name] = kind.lower()
    if server.flavor == "mariadb":
        for (clause,) in server.run(
                "SELECT check_clause FROM information_schema.check_constraints WHERE constraint_schema = "
                f"'{schema}' AND table_name = {_text(table)} AND level = 'Column'"):
            if clause.lower().startswith("json_valid("):
                types[clause[len("json_valid("):-1].strip("`")] = "json"
    return types


def _short(row):
    return tuple(v if v is None or len(str(v)) < 60 else f"{str(v)[:60]}... ({len(str(v))})" for v in row)


def definition(server, schema, table):
    """Columns and indexes as comparable values, the same on every server of one flavour."""
    columns = server.run(
        "SELECT column_name, column_type, is_nullable, column_default, extra, character_set_name, collation_name, "
        f"generation_expression, column_comment FROM information_schema.columns WHERE table_schema = '{schema}' "
        f"AND table_name = {_text(table)} ORDER BY ordinal_position")
    indexes = server.run(
        "SELECT index_name, non_unique, seq_in_index, column_name, sub_part FROM information_schema.statistics "
        f"WHERE table_schema = '{schema}' AND table_name = {_text(table)} ORDER BY index_name, seq_in_index")
    return columns, indexes


def difference(upstream, downstream, schemas, definitions=None):
    """None if all tables of the schemas are equal on both sides, else a text that says where they differ. `schemas` maps
    upstream names to downstream names. Definitions are compared when both servers are of one flavour."""
    if definitions is None:
        definitions = upstream.name == downstream.name
    for source, target in schemas.items():
        source_tables, target_tables = tables(upstream, source), tables(downstream, target)
        if source_tables != target_tables:
            return f"tables of {source}: {source_tables} upstream, {target_tables} downstream"
        for table in source_tables:
            types = column_types(upstream, source, table)
            down_types = column_types(downstream, target, table)
            if list(types) != list(down_types):
                return f"columns of {source}.{table}: {list(types)} upstream, {list(down_types)} downstream"
            # A column that is JSON on one side only is compared by value on both.
            types = {c: "json" if "json" in (types[c], down_types[c]) else types[c] for c in types}
            characters = downstream.flavor == "tidb"  # keeps text of every character set as UTF-8
            up_rows = rows(upstream, source, table, types, characters)
            down_rows = rows(downstream, target, table, types, characters)
            if up_rows != down_rows:
                only_up = [_short(r) for r in set(up_rows) - set(down_rows)][:3]
                only_down = [_short(r) for r in set(down_rows) - set(up_rows)][:3]
                return (f"rows of {source}.{table}: {len(up_rows)} upstream, {len(down_rows)} downstream; columns "
                        f"{list(types)}; only upstream {only_up}; only downstream {only_down}")
            if definitions:
                up, down = definition(upstream, source, table), definition(downstream, target, table)
                if up != down:
                    return f"definition of {source}.{table}: {up} upstream, {down} downstream"
    return None
