// lint.c - the deck's text, read with libyaml: keys with their lines, and every mistake of form as an error with its
// line.
//
// YAML is far larger than a deck. Accepted: one document, a mapping of mappings, scalars, sequences of scalars `[a, b]`
// and sequences of single-key mappings (`dim:` with items `- x: {cells: 32}`), which is what PETSc's own YAML reader
// accepts. Nested keys are joined by '_' as PETSc does: dim_x_cells. Everything else (anchors, tags, two-key items,
// nested sequences, duplicate keys, keys that differ in case only) is refused here because PETSc would misread it
// silently.
#include "deck_impl.h"
#include <ctype.h>
#include <string.h>
#include <yaml.h>

typedef struct {
  SnaDeck       deck;
  yaml_parser_t parser;
  yaml_event_t  event;
  PetscBool     live;   // event holds something
  PetscBool     failed; // a syntax error: nothing more can be read
  PetscBool     tabs;   // already reported; libyaml would stumble over them as well
  const char   *text;
} Lint;

static PetscErrorCode ParseValue(Lint *lint, int parent, const char key[], const char path[], int line, int depth);

static int EventLine(const Lint *lint)
{
  return (int)lint->event.start_mark.line + 1;
}

static PetscErrorCode SyntaxError(Lint *lint)
{
  const yaml_parser_t *p         = &lint->parser;
  int                  line      = (int)p->problem_mark.line + 1;
  char                 where[96] = "";

  PetscFunctionBeginUser;
  lint->failed           = PETSC_TRUE;
  lint->deck->incomplete = PETSC_TRUE;
  if (lint->tabs) PetscFunctionReturn(0);
  PetscCheck(p->error != YAML_MEMORY_ERROR, PETSC_COMM_SELF, PETSC_ERR_MEM, "libyaml is out of memory");
  if (p->error == YAML_READER_ERROR) {
    line = 1;
    for (size_t i = 0; i < p->problem_offset && lint->text[i]; i++) line += lint->text[i] == '\n';
    PetscCall(SnaDeckErrorAt(lint->deck, line, "is not UTF-8 text (%s)", p->problem));
    PetscFunctionReturn(0);
  }
  if (p->context && p->context_mark.line != p->problem_mark.line)
    snprintf(where, sizeof(where), " %s of line %d", p->context, (int)p->context_mark.line + 1);
  PetscCall(SnaDeckErrorAt(lint->deck, line, "YAML: %s, column %d%s%s", p->problem ? p->problem : "syntax error",
    (int)p->problem_mark.column + 1, where,
    p->error == YAML_SCANNER_ERROR ? "; text with `: ` or a first letter of *&!%@`{[ needs quotes"
                                   : "; check the indentation and the brackets"));
  PetscFunctionReturn(0);
}

static PetscErrorCode Next(Lint *lint)
{
  PetscFunctionBeginUser;
  if (lint->live) yaml_event_delete(&lint->event);
  lint->live = PETSC_FALSE;
  if (lint->failed) PetscFunctionReturn(0);
  if (!yaml_parser_parse(&lint->parser, &lint->event)) {
    PetscCall(SyntaxError(lint));
    PetscFunctionReturn(0);
  }
  lint->live = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// Leaves the present node behind: afterwards the event is its last.
static PetscErrorCode Skip(Lint *lint)
{
  int depth = 0;

  PetscFunctionBeginUser;
  while (!lint->failed) {
    const yaml_event_type_t type = lint->event.type;

    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) depth++;
    if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) depth--;
    if (depth == 0) break;
    PetscCall(Next(lint));
  }
  PetscFunctionReturn(0);
}

// Anchors, aliases and tags: *refused is true, and the node is skipped, when the present event has one.
static PetscErrorCode RefuseMarks(Lint *lint, PetscBool *refused)
{
  const yaml_event_t *e      = &lint->event;
  const yaml_char_t  *anchor = NULL, *tag = NULL;

  PetscFunctionBeginUser;
  *refused = PETSC_FALSE;
  if (lint->failed) PetscFunctionReturn(0);
  if (e->type == YAML_SCALAR_EVENT) {
    anchor = e->data.scalar.anchor;
    tag    = e->data.scalar.tag;
  } else if (e->type == YAML_MAPPING_START_EVENT) {
    anchor = e->data.mapping_start.anchor;
    tag    = e->data.mapping_start.tag;
  } else if (e->type == YAML_SEQUENCE_START_EVENT) {
    anchor = e->data.sequence_start.anchor;
    tag    = e->data.sequence_start.tag;
  }
  if (e->type == YAML_ALIAS_EVENT)
    PetscCall(SnaDeckErrorAt(lint->deck, EventLine(lint),
      "`*%.100s` is a YAML alias, which decks do not have: write the value out, or quote the text",
      (const char *)e->data.alias.anchor));
  else if (anchor)
    PetscCall(SnaDeckErrorAt(lint->deck, EventLine(lint),
      "`&%.100s` is a YAML anchor, which decks do not have: write the value out, or quote the text",
      (const char *)anchor));
  else if (tag)
    PetscCall(SnaDeckErrorAt(lint->deck, EventLine(lint),
      "`%.100s` is a YAML tag, which decks do not have: remove it, or quote the text", (const char *)tag));
  else
    PetscFunctionReturn(0);
  *refused = PETSC_TRUE;
  PetscCall(Skip(lint));
  PetscFunctionReturn(0);
}

// Reads the present event as the key of a mapping. *ok is false, with an error, when it cannot be one.
static PetscErrorCode CheckKey(
  Lint *lint, PetscBool listed, const char key[], const char path[], size_t size, char word[], PetscBool *ok)
{
  const yaml_event_t *e    = &lint->event;
  const int           line = EventLine(lint);
  const char         *text, *what = listed ? "name" : "key";
  size_t              n, i;
  PetscBool           upper = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(RefuseMarks(lint, ok));
  *ok = *ok ? PETSC_FALSE : PETSC_TRUE;
  if (!*ok || lint->failed) PetscFunctionReturn(0);
  *ok = PETSC_FALSE;
  if (e->type != YAML_SCALAR_EVENT) {
    PetscCall(SnaDeckErrorAt(lint->deck, line, "a list or mapping stands where a key should"));
    PetscCall(Skip(lint));
    PetscFunctionReturn(0);
  }
  text = (const char *)e->data.scalar.value;
  n    = e->data.scalar.length;
  if (n >= size || n > 64) {
    PetscCall(SnaDeckErrorAt(lint->deck, line, "`%.40s...` is too long for a %s", text, what));
    PetscFunctionReturn(0);
  }
  memcpy(word, text, n);
  word[n] = 0;
  for (i = 0; i < n; i++) {
    const unsigned char c = (unsigned char)word[i];

    if (isupper(c)) upper = PETSC_TRUE;
    if (!((c < 128 && isalpha(c)) || (i > 0 && (isdigit(c) || (!listed && c == '_'))))) break;
  }
  if (i < n || n == 0 || strlen(word) != n) {
    PetscCall(SnaDeckErrorAt(lint->deck, line,
      listed ? "`%s` in `%s` is not a name: names are a small letter, then small letters and digits"
             : "`%s`%s is not a key: keys are a small letter, then small letters, digits and _",
      word, listed ? path : ""));
    PetscFunctionReturn(0);
  }
  if (upper) {
    char               lower[SNA_MAX_KEY], flat[2 * SNA_MAX_KEY];
    const SnaDeckNode *other = NULL;

    for (i = 0; i <= n; i++) lower[i] = (char)tolower((unsigned char)word[i]);
    snprintf(flat, sizeof(flat), "%s%s%s", key, key[0] ? "_" : "", lower);
    for (PetscInt k = 0; !other && k < lint->deck->nnode; k++) {
      if (!strcmp(lint->deck->node[k].key, flat)) other = &lint->deck->node[k];
    }
    if (other)
      PetscCall(SnaDeckErrorAt(lint->deck, line,
        "`%s` and `%s` on line %d differ only in case, which PETSc does not see", word, other->path, other->line));
    else
      PetscCall(SnaDeckErrorAt(lint->deck, line, "%ss are lower case: write `%s` instead of `%s`", what, lower, word));
    PetscFunctionReturn(0);
  }
  if (listed && n > SNA_MAX_NAME) {
    PetscCall(SnaDeckErrorAt(lint->deck, line, "`%s` is too long for a name: at most %d letters", word, SNA_MAX_NAME));
    PetscFunctionReturn(0);
  }
  *ok = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode JoinKey(Lint *lint, const char key[], const char path[], const char word[],
  char child_key[SNA_MAX_KEY], char child_path[2 * SNA_MAX_KEY], int line, PetscBool *ok)
{
  const int n = snprintf(child_key, SNA_MAX_KEY, "%s%s%s", key, key[0] ? "_" : "", word);

  PetscFunctionBeginUser;
  snprintf(child_path, 2 * SNA_MAX_KEY, "%s%s%s", path, path[0] ? ": " : "", word);
  *ok = n < SNA_MAX_KEY ? PETSC_TRUE : PETSC_FALSE;
  if (!*ok)
    PetscCall(SnaDeckErrorAt(
      lint->deck, line, "the key that ends in `%s` is too long: %d letters at most", word, SNA_MAX_KEY - 1));
  PetscFunctionReturn(0);
}

// The same key a second time, in this mapping or written flat elsewhere (`vsna_rank: 1` and `vsna: {rank: 2}`).
static PetscErrorCode CheckDuplicate(
  Lint *lint, int parent, const char key[], const char path[], int line, PetscBool *ok)
{
  PetscFunctionBeginUser;
  *ok = PETSC_TRUE;
  for (PetscInt i = 0; i < lint->deck->nnode; i++) {
    const SnaDeckNode *other = &lint->deck->node[i];

    if (strcmp(other->key, key) || (other->kind == SNA_NODE_GROUP && other->parent != parent)) continue;
    PetscCall(SnaDeckErrorAt(lint->deck, line, "duplicate key `%s`: it is on line %d already", path, other->line));
    *ok = PETSC_FALSE;
    break;
  }
  PetscFunctionReturn(0);
}

// One `word: value` pair of a mapping or of a list item; the event is at the word. `names` collects the names of a
// list.
static PetscErrorCode ParsePair(
  Lint *lint, int parent, const char key[], const char path[], PetscBool listed, SnaText *names, int depth)
{
  char      word[SNA_MAX_KEY] = "", child_key[SNA_MAX_KEY], child_path[2 * SNA_MAX_KEY];
  const int line              = EventLine(lint);
  PetscBool ok;

  PetscFunctionBeginUser;
  PetscCall(CheckKey(lint, listed, key, path, sizeof(word), word, &ok));
  if (lint->failed) PetscFunctionReturn(0);
  if (ok) PetscCall(JoinKey(lint, key, path, word, child_key, child_path, line, &ok));
  if (ok) PetscCall(CheckDuplicate(lint, parent, child_key, child_path, line, &ok));
  PetscCall(Next(lint));
  if (lint->failed) PetscFunctionReturn(0);
  if (!ok) {
    PetscCall(Skip(lint));
    PetscFunctionReturn(0);
  }
  if (names) PetscCall(SnaTextAppend(names, "%s%s", names->length ? "," : "", word));
  PetscCall(ParseValue(lint, parent, child_key, child_path, line, depth));
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseMapping(Lint *lint, int parent, const char key[], const char path[], int depth)
{
  PetscFunctionBeginUser;
  PetscCall(Next(lint));
  while (!lint->failed && lint->event.type != YAML_MAPPING_END_EVENT) {
    PetscCall(ParsePair(lint, parent, key, path, PETSC_FALSE, NULL, depth));
    PetscCall(Next(lint));
  }
  PetscFunctionReturn(0);
}

// An item `- name: value` of a list; the event is at the start of the mapping.
static PetscErrorCode ParseItem(Lint *lint, int parent, const char key[], const char path[], SnaText *names, int depth)
{
  const int item               = EventLine(lint);
  int       pairs              = 0;
  char      first[SNA_MAX_KEY] = "";

  PetscFunctionBeginUser;
  PetscCall(Next(lint));
  while (!lint->failed && lint->event.type != YAML_MAPPING_END_EVENT) {
    if (pairs == 0) {
      if (lint->event.type == YAML_SCALAR_EVENT)
        snprintf(first, sizeof(first), "%s", (const char *)lint->event.data.scalar.value);
      PetscCall(ParsePair(lint, parent, key, path, PETSC_TRUE, names, depth));
    } else {
      if (pairs == 1) {
        const char *second =
          lint->event.type == YAML_SCALAR_EVENT ? (const char *)lint->event.data.scalar.value : "...";

        PetscCall(SnaDeckErrorAt(lint->deck, EventLine(lint),
          "the list item `%.60s` has a second key `%.60s`: one name per item, its keys in braces `- %.60s: {%.60s: "
          "...}` or indented below it",
          first, second, first, second));
      }
      PetscCall(Skip(lint));
      PetscCall(Next(lint));
      if (!lint->failed) PetscCall(Skip(lint));
    }
    pairs++;
    PetscCall(Next(lint));
  }
  if (!lint->failed && !pairs) PetscCall(SnaDeckErrorAt(lint->deck, item, "an item of `%s` is empty", path));
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseSequence(Lint *lint, int parent, const char key[], const char path[], int line, int depth)
{
  SnaText joined = {0};
  int     node, scalars = 0, items = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckAddNode(lint->deck, SNA_NODE_LIST, parent, key, path, line, &node));
  PetscCall(Next(lint));
  while (!lint->failed && lint->event.type != YAML_SEQUENCE_END_EVENT) {
    const yaml_event_t *e    = &lint->event;
    const int           here = EventLine(lint);
    PetscBool           refused;

    PetscCall(RefuseMarks(lint, &refused));
    if (lint->failed) break;
    if (refused) {
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
      PetscCall(SnaDeckErrorAt(lint->deck, here, "`%s` has a list inside a list", path));
      PetscCall(Skip(lint));
    } else if (e->type == YAML_MAPPING_START_EVENT) {
      if (scalars && !items)
        PetscCall(SnaDeckErrorAt(lint->deck, here, "`%s` mixes plain values and named items", path));
      items++;
      if (node >= 0) lint->deck->node[node].kind = SNA_NODE_NAMES;
      PetscCall(ParseItem(lint, node, key, path, &joined, depth + 1));
    } else {
      const char  *value = (const char *)e->data.scalar.value;
      const size_t n     = e->data.scalar.length;

      if (items && !scalars)
        PetscCall(SnaDeckErrorAt(lint->deck, here, "`%s` mixes named items and plain values", path));
      else if (strlen(value) != n)
        PetscCall(SnaDeckErrorAt(lint->deck, here, "an entry of `%s` has a NUL character", path));
      else if (!n)
        PetscCall(SnaDeckErrorAt(lint->deck, here, "an entry of `%s` is empty", path));
      else if (strchr(value, ','))
        PetscCall(SnaDeckErrorAt(lint->deck, here,
          "the entry `%.200s` of `%s` has a comma, which PETSc cannot tell from two entries", value, path));
      else
        PetscCall(SnaTextAppend(&joined, "%s%s", scalars ? "," : "", value));
      scalars++;
    }
    PetscCall(Next(lint));
  }
  if (node >= 0) {
    if (joined.s)
      lint->deck->node[node].value = joined.s;
    else
      PetscCall(PetscStrallocpy("", &lint->deck->node[node].value));
  } else
    PetscCall(PetscFree(joined.s));
  PetscFunctionReturn(0);
}

// The value of `key`; the event is its first, afterwards its last.
static PetscErrorCode ParseValue(Lint *lint, int parent, const char key[], const char path[], int line, int depth)
{
  PetscBool refused;
  int       node;

  PetscFunctionBeginUser;
  PetscCall(RefuseMarks(lint, &refused));
  if (refused || lint->failed) PetscFunctionReturn(0);
  if (lint->event.type == YAML_SCALAR_EVENT) {
    const char *value = (const char *)lint->event.data.scalar.value;

    if (strlen(value) != lint->event.data.scalar.length) {
      PetscCall(SnaDeckErrorAt(lint->deck, line, "the value of `%s` has a NUL character", path));
      PetscFunctionReturn(0);
    }
    PetscCall(SnaDeckAddNode(lint->deck, SNA_NODE_VALUE, parent, key, path, line, &node));
    if (node >= 0 && (value[0] || lint->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE))
      PetscCall(PetscStrallocpy(value, &lint->deck->node[node].value));
  } else if (depth >= SNA_MAX_DECK_DEPTH) {
    PetscCall(SnaDeckErrorAt(lint->deck, line, "`%s` is nested too deeply", path));
    PetscCall(Skip(lint));
  } else if (lint->event.type == YAML_SEQUENCE_START_EVENT) {
    PetscCall(ParseSequence(lint, parent, key, path, line, depth + 1));
  } else {
    PetscCall(SnaDeckAddNode(lint->deck, SNA_NODE_GROUP, parent, key, path, line, &node));
    PetscCall(ParseMapping(lint, node, key, path, depth + 1));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FindTabs(Lint *lint, const char text[])
{
  int line = 1;

  PetscFunctionBeginUser;
  for (const char *s = text; *s; line++) {
    const size_t blank = strspn(s, " \t"), length = strcspn(s, "\n");

    if (memchr(s, '\t', blank) && s[blank] && !strchr("\r\n", s[blank])) {
      PetscCall(SnaDeckErrorAt(lint->deck, line, "tab in indentation: YAML wants spaces"));
      lint->tabs = PETSC_TRUE;
    }
    s += length + (s[length] == '\n');
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckLint(SnaDeck deck, const char text[], size_t length)
{
  Lint lint      = {.deck = deck, .text = text};
  int  documents = 0;

  PetscFunctionBeginUser;
  if (memchr(text, 0, length)) {
    PetscCall(SnaDeckErrorAt(deck, SNA_LINE_NONE, "is not a text file"));
    deck->incomplete = PETSC_TRUE;
    PetscFunctionReturn(0);
  }
  PetscCall(FindTabs(&lint, text));
  PetscCheck(yaml_parser_initialize(&lint.parser), PETSC_COMM_SELF, PETSC_ERR_MEM, "libyaml is out of memory");
  yaml_parser_set_input_string(&lint.parser, (const unsigned char *)text, length);
  PetscCall(Next(&lint));
  while (!lint.failed && lint.event.type != YAML_STREAM_END_EVENT) {
    if (lint.event.type == YAML_DOCUMENT_START_EVENT) {
      if (++documents > 1) {
        PetscCall(SnaDeckErrorAt(deck, EventLine(&lint), "a second YAML document begins: a deck is one document"));
        break;
      }
      PetscCall(Next(&lint));
      if (lint.failed) break;
      if (lint.event.type == YAML_MAPPING_START_EVENT) {
        PetscBool refused;

        PetscCall(RefuseMarks(&lint, &refused));
        if (!refused) PetscCall(ParseMapping(&lint, -1, "", "", 0));
      } else {
        const PetscBool empty =
          lint.event.type == YAML_SCALAR_EVENT && !lint.event.data.scalar.length ? PETSC_TRUE : PETSC_FALSE;

        if (empty)
          PetscCall(SnaDeckErrorAt(deck, SNA_LINE_NONE, "is empty"));
        else
          PetscCall(
            SnaDeckErrorAt(deck, EventLine(&lint), "a deck is made of lines `key: value`, this is something else"));
        PetscCall(Skip(&lint));
      }
    }
    PetscCall(Next(&lint));
  }
  if (!documents && !lint.failed && !lint.tabs) PetscCall(SnaDeckErrorAt(deck, SNA_LINE_NONE, "is empty"));
  if (lint.live) yaml_event_delete(&lint.event);
  yaml_parser_delete(&lint.parser);
  PetscFunctionReturn(0);
}
