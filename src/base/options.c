// options.c - getters: a key's text becomes a checked value; what was read is recorded for the effective deck.
//
// A wrong value is a collected error and the default is returned, so that one run reports every mistake. Without a
// default (required keys) that is the lower bound, 0, or nothing, so that set-up can go on to its next error.
#include "deck_impl.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *TypeWords(SnaOptionType type)
{
  switch (type) {
  case SNA_OPT_INT:
    return "an integer";
  case SNA_OPT_REAL:
    return "a number";
  case SNA_OPT_BOOL:
    return "true or false";
  case SNA_OPT_STRING:
    return "text";
  case SNA_OPT_CHOICE:
    return "one word";
  case SNA_OPT_INTS:
    return "a list of integers [a, b]";
  case SNA_OPT_REALS:
    return "a list of numbers [a, b]";
  case SNA_OPT_STRINGS:
    return "a list of words [a, b]";
  case SNA_OPT_NAMES:
    return "a list of names (items `- name: {...}`)";
  }
  return "";
}

static PetscBool IsListType(SnaOptionType type)
{
  return type >= SNA_OPT_INTS ? PETSC_TRUE : PETSC_FALSE;
}

// "vsna: rank = 0 must be ..." in the deck; "0 must be ..." on the command line, where the key stands in front already.
PetscErrorCode SnaLookupError(SnaDeck deck, const SnaLookup *look, const char format[], ...)
{
  char               text[SNA_MAX_MESSAGE / 2], path[2 * SNA_MAX_KEY];
  const SnaDeckNode *node  = look->node;
  const char        *value = node->value ? node->value : "";
  va_list            args;

  PetscFunctionBeginUser;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  PetscCall(SnaDeckKeyPath(deck, look->option->key, look->key, sizeof(path), path));
  if (node->commandline)
    PetscCall(SnaDeckErrorNode(deck, node, "%.200s %s", value, text));
  else if (node->kind == SNA_NODE_VALUE)
    PetscCall(SnaDeckErrorNode(deck, node, "`%s` = %.200s %s", path, value, text));
  else
    PetscCall(SnaDeckErrorNode(deck, node, "`%s` = [%.200s] %s", path, value, text));
  PetscFunctionReturn(0);
}

static PetscErrorCode FindOption(SnaDeck deck, const char pattern[], const SnaOption **option)
{
  PetscFunctionBeginUser;
  for (PetscInt t = 0; t < deck->ntable; t++) {
    for (const SnaOption *o = deck->table[t].option; o->key; o++) {
      if (!strcmp(o->key, pattern)) {
        *option = o;
        PetscFunctionReturn(0);
      }
    }
  }
  SETERRQ(PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the key %s is in no table of SnaDeckAddOptions()", pattern);
}

// The key counts as read whether or not its form is right.
PetscErrorCode SnaLookupKey(SnaDeck deck, const char pattern[], const char name[], unsigned types, SnaLookup *look)
{
  char         path[2 * SNA_MAX_KEY];
  SnaDeckNode *group;

  PetscFunctionBeginUser;
  PetscCall(FindOption(deck, pattern, &look->option));
  PetscCheck(types & (1u << look->option->type), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the key %s is declared as %s",
    pattern, TypeWords(look->option->type));
  PetscCall(SnaDeckKey(pattern, name, look->key));
  look->node = SnaDeckFindNode(deck, look->key);
  PetscCall(SnaDeckKeyPath(deck, pattern, look->key, sizeof(path), path));
  if (!look->node) {
    group = SnaDeckFindGroup(deck, look->key);
    if (group) {
      group->reported = PETSC_TRUE;
      if (look->option->type == SNA_OPT_NAMES)
        PetscCall(
          SnaDeckErrorNode(deck, group, "`%s` is an ordered list: write its items with a dash, `- name: {...}`", path));
      else
        PetscCall(
          SnaDeckErrorNode(deck, group, "`%s` wants %s, not keys of its own", path, TypeWords(look->option->type)));
    } else if (!look->option->fallback && !deck->incomplete)
      PetscCall(SnaDeckError(deck, pattern, name, "missing key `%s`", path));
    PetscFunctionReturn(0);
  }
  look->node->read = PETSC_TRUE;
  {
    char      option[SNA_MAX_KEY + 1];
    PetscBool has;

    // tells -options_left that the key served
    snprintf(option, sizeof(option), "-%s", look->key);
    PetscCall(PetscOptionsHasName(NULL, NULL, option, &has));
  }
  if (look->node->commandline) {
    if (look->node->value || look->option->type == SNA_OPT_BOOL) PetscFunctionReturn(0);
    PetscCall(SnaDeckErrorNode(deck, look->node, "has no value: it wants %s", TypeWords(look->option->type)));
  } else if (look->node->kind == SNA_NODE_VALUE) {
    if (look->node->value || look->option->type == SNA_OPT_BOOL) PetscFunctionReturn(0);
    PetscCall(
      SnaDeckErrorNode(deck, look->node, "`%s` has no value: it wants %s", path, TypeWords(look->option->type)));
  } else if (look->node->kind == SNA_NODE_LIST && !IsListType(look->option->type)) {
    PetscCall(SnaDeckErrorNode(deck, look->node, "`%s` wants %s, not a list", path, TypeWords(look->option->type)));
  } else if (look->node->kind == SNA_NODE_NAMES && look->option->type != SNA_OPT_NAMES) {
    look->node->reported = PETSC_TRUE;
    PetscCall(
      SnaDeckErrorNode(deck, look->node, "`%s` wants %s, not named items", path, TypeWords(look->option->type)));
  } else
    PetscFunctionReturn(0);
  look->node = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLookupRecord(SnaDeck deck, const SnaLookup *look, const char text[])
{
  SnaText yaml = {0};

  PetscFunctionBeginUser;
  PetscCall(SnaTextAppendYaml(&yaml, text));
  PetscCall(SnaDeckRecord(deck, look->key, yaml.s, look->node ? PETSC_FALSE : PETSC_TRUE));
  PetscCall(PetscFree(yaml.s));
  PetscFunctionReturn(0);
}

// ---- Numbers ----

const char *SnaTrim(const char text[], size_t size, char copy[])
{
  size_t n;

  while (isspace((unsigned char)*text)) text++;
  n = strlen(text);
  while (n && isspace((unsigned char)text[n - 1])) n--;
  if (n >= size) n = size - 1;
  memcpy(copy, text, n);
  copy[n] = 0;
  return copy;
}

PetscErrorCode SnaOptionRange(const SnaOption *option, size_t size, char text[])
{
  const double none = 1e300;

  PetscFunctionBeginUser;
  text[0] = 0;
  if (option->type != SNA_OPT_INT && option->type != SNA_OPT_INTS && option->type != SNA_OPT_REAL &&
      option->type != SNA_OPT_REALS)
    PetscFunctionReturn(0);
  if (option->min == 0 && option->max == 0) PetscFunctionReturn(0);
  if (option->min > -none && option->max < none)
    snprintf(text, size, "in %.15g..%.15g", option->min, option->max);
  else if (option->min > 0 && option->min < 1e-100)
    snprintf(text, size, "positive");
  else if (option->min > -none)
    snprintf(text, size, "at least %.15g", option->min);
  else if (option->max < none)
    snprintf(text, size, "at most %.15g", option->max);
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckRange(SnaDeck deck, const SnaLookup *look, const char entry[], double value, PetscBool *ok)
{
  char range[96];

  PetscFunctionBeginUser;
  PetscCall(SnaOptionRange(look->option, sizeof(range), range));
  *ok = !range[0] || (value >= look->option->min && value <= look->option->max) ? PETSC_TRUE : PETSC_FALSE;
  if (*ok) PetscFunctionReturn(0);
  if (IsListType(look->option->type))
    PetscCall(SnaLookupError(deck, look, "has %.100s, which must be %s", entry, range));
  else
    PetscCall(SnaLookupError(deck, look, "must be %s", range));
  PetscFunctionReturn(0);
}

PetscBool SnaParseInt(const char text[], long long *value)
{
  char copy[64], *end;

  SnaTrim(text, sizeof(copy), copy);
  errno  = 0;
  *value = strtoll(copy, &end, 10);
  return copy[0] && !*end && !errno && strlen(copy) + 1 < sizeof(copy) ? PETSC_TRUE : PETSC_FALSE;
}

// A number, or an expression in the deck's constants. message[0] is 0 when it is one and finite.
PetscErrorCode SnaParseReal(SnaDeck deck, const char text[], double *value, char message[SNA_MAX_MESSAGE])
{
  static const char digits[] = "0123456789.+-eE"; // not the `inf`, `nan` and 0x1p3 of strtod
  char              copy[64], *end;
  SnaSymbols        symbols;
  SnaExpr           expr;

  PetscFunctionBeginUser;
  message[0] = 0;
  SnaTrim(text, sizeof(copy), copy);
  *value = strtod(copy, &end);
  if (!copy[0] || *end || strspn(copy, digits) != strlen(copy) || strlen(copy) + 1 == sizeof(copy)) {
    PetscCall(SnaDeckGetConstants(deck, &symbols));
    PetscCall(SnaExprCreate(text, &symbols, &expr, message));
    if (!expr) PetscFunctionReturn(0);
    PetscCall(SnaExprEvaluate(expr, 1, NULL, value));
    PetscCall(SnaExprDestroy(&expr));
  }
  if (!isfinite(*value)) snprintf(message, SNA_MAX_MESSAGE, "it is not finite");
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLookupInt(SnaDeck deck, const SnaLookup *look, const char entry[], PetscInt *value, PetscBool *ok)
{
  long long number;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  if (!SnaParseInt(entry, &number)) {
    if (IsListType(look->option->type))
      PetscCall(SnaLookupError(deck, look, "has `%.100s`, which is not an integer", entry));
    else
      PetscCall(SnaLookupError(deck, look, "is not an integer"));
    PetscFunctionReturn(0);
  }
  PetscCall(CheckRange(deck, look, entry, (double)number, ok));
  if (*ok && (number > PETSC_MAX_INT || number < PETSC_MIN_INT)) {
    PetscCall(SnaLookupError(deck, look, "is too large for an integer of this program"));
    *ok = PETSC_FALSE;
  }
  if (*ok) *value = (PetscInt)number;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLookupReal(SnaDeck deck, const SnaLookup *look, const char entry[], double *value, PetscBool *ok)
{
  char   message[SNA_MAX_MESSAGE];
  double number;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaParseReal(deck, entry, &number, message));
  if (message[0]) {
    if (IsListType(look->option->type))
      PetscCall(SnaLookupError(deck, look, "has `%.100s`, which is not a number: %.300s", entry, message));
    else
      PetscCall(SnaLookupError(deck, look, "is not a number: %.300s", message));
    PetscFunctionReturn(0);
  }
  PetscCall(CheckRange(deck, look, entry, number, ok));
  if (*ok) *value = number;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetInt(SnaDeck deck, const char key[], const char name[], PetscInt *value)
{
  SnaLookup look;
  PetscBool ok = PETSC_FALSE;
  char      text[32];
  long long number = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaLookupKey(deck, key, name, 1u << SNA_OPT_INT, &look));
  if (look.node) PetscCall(SnaLookupInt(deck, &look, look.node->value, value, &ok));
  if (!ok) {
    if (!look.option->fallback || !look.option->fallback[0])
      number = look.option->min > -1e9 ? (long long)look.option->min : 0;
    else
      PetscCheck(SnaParseInt(look.option->fallback, &number), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
        "the default of %s is not an integer", key);
    *value = (PetscInt)number;
    if (!look.option->fallback || !look.option->fallback[0]) PetscFunctionReturn(0);
  }
  snprintf(text, sizeof(text), "%" PetscInt_FMT, *value);
  PetscCall(SnaLookupRecord(deck, &look, text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetReal(SnaDeck deck, const char key[], const char name[], double *value)
{
  SnaLookup look;
  PetscBool ok = PETSC_FALSE;
  char      message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(SnaLookupKey(deck, key, name, 1u << SNA_OPT_REAL, &look));
  if (look.node) PetscCall(SnaLookupReal(deck, &look, look.node->value, value, &ok));
  if (ok)
    PetscCall(SnaLookupRecord(deck, &look, look.node->value));
  else if (!look.option->fallback || !look.option->fallback[0])
    *value = look.option->min > -1e300 ? look.option->min : 0;
  else {
    PetscCall(SnaParseReal(deck, look.option->fallback, value, message));
    PetscCheck(!message[0], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the default of %s: %s", key, message);
    PetscCall(SnaLookupRecord(deck, &look, look.option->fallback));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetBool(SnaDeck deck, const char key[], const char name[], PetscBool *value)
{
  SnaLookup look;

  PetscFunctionBeginUser;
  PetscCall(SnaLookupKey(deck, key, name, 1u << SNA_OPT_BOOL, &look));
  *value = PETSC_FALSE;
  if (look.option->fallback && look.option->fallback[0]) {
    PetscCheck(SnaParseBool(look.option->fallback, value), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
      "the default of %s is no truth value", key);
  }
  if (look.node && !look.node->value)
    *value = PETSC_TRUE;
  else if (look.node && !SnaParseBool(look.node->value, value))
    PetscCall(SnaLookupError(deck, &look, "is neither true nor false"));
  PetscCall(SnaLookupRecord(deck, &look, *value ? "true" : "false"));
  PetscFunctionReturn(0);
}

// ---- Text ----

// Whether `word` is one of "a|b|c"; otherwise *nearest is the most similar one (borrowed from kept strings) or NULL.
static PetscErrorCode CheckChoice(SnaDeck deck, const SnaLookup *look, const char word[], PetscBool *ok)
{
  const char *choice[64], *nearest;
  char       *copy, *rest, list[SNA_MAX_MESSAGE / 4] = "";
  int         n = 0;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCheck(look->option->values, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the choices of %s are not declared",
    look->option->key);
  PetscCall(PetscStrallocpy(look->option->values, &copy));
  for (char *s = strtok_r(copy, "|", &rest); s && n < 64; s = strtok_r(NULL, "|", &rest)) {
    choice[n++] = s;
    if (!strcmp(s, word)) *ok = PETSC_TRUE;
    if (strlen(list) + strlen(s) + 3 < sizeof(list))
      snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", list[0] ? ", " : "", s);
  }
  if (!*ok) {
    nearest = SnaNearestName(word, n, choice);
    if (nearest)
      PetscCall(SnaLookupError(deck, look, "must be one of %s; did you mean `%s`?", list, nearest));
    else
      PetscCall(SnaLookupError(deck, look, "must be one of %s", list));
  }
  PetscCall(PetscFree(copy));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetString(SnaDeck deck, const char key[], const char name[], const char **value)
{
  SnaLookup look;
  PetscBool ok = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaLookupKey(deck, key, name, 1u << SNA_OPT_STRING | 1u << SNA_OPT_CHOICE, &look));
  *value = look.option->fallback && look.option->fallback[0] ? look.option->fallback : NULL;
  if (look.node && look.option->type == SNA_OPT_CHOICE) PetscCall(CheckChoice(deck, &look, look.node->value, &ok));
  if (look.node && ok) {
    const PetscBool blank = look.node->value[strspn(look.node->value, " \t\n")] ? PETSC_FALSE : PETSC_TRUE;

    // empty text takes an optional key back, e.g. -pde_reference=
    if (blank && !look.option->fallback)
      PetscCall(SnaLookupError(deck, &look, "is empty: it wants %s", TypeWords(look.option->type)));
    else
      *value = blank && !look.option->fallback[0] ? NULL : look.node->value;
  }
  if (*value) PetscCall(SnaLookupRecord(deck, &look, *value));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckHas(SnaDeck deck, const char key[], const char name[], PetscBool *given)
{
  const SnaOption   *option = NULL;
  const SnaDeckNode *node;
  char               flat[SNA_MAX_KEY];

  PetscFunctionBeginUser;
  PetscCall(FindOption(deck, key, &option));
  PetscCall(SnaDeckKey(key, name, flat));
  node = SnaDeckFindNode(deck, flat);
  // a key with nothing behind it is given only where that means "true"
  *given = node && (node->value || option->type == SNA_OPT_BOOL) ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(0);
}
