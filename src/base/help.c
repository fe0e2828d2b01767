// help.c - the declared tables as text: for -help, and as the tables of doc/deck.md, which a test compares.
#include "deck_impl.h"
#include <string.h>

static const char usage[] =
  "usage: sna_solver DECK [-key value ...]\n"
  "\n"
  "  DECK           the problem, a YAML file (see doc/deck.md)\n"
  "  -key value     any key of the deck by its full name, over the deck's own value: -vsna_rank 64, -dim_x_domain "
  "0,2*pi\n"
  "  -check         do everything but solve: read the deck, set up, tell sizes and memory\n"
  "  -help [word]   this text, with the keys that contain the word\n"
  "  -version       the program's version and its libraries\n"
  "  -restart FILE  go on from a checkpoint, or query a finished solution\n"
  "  -sample FILE   with -restart: evaluate the solution at the points of a CSV or HDF5 file, without solving\n"
  "  -invert u=0.2  with -restart: find inputs for which the solution takes this value (-invert_at \"z=0, t=0.5:1\")\n"
  "  -force         replace the results of an earlier run with the same case name\n"
  "\n"
  "exit codes: 0 solved, 2 bad deck or usage, 3 not converged (files written), 4 stopped and restartable, others "
  "internal\n";

static const char *TypeName(SnaOptionType type)
{
  switch (type) {
  case SNA_OPT_INT:
    return "integer";
  case SNA_OPT_REAL:
    return "number";
  case SNA_OPT_BOOL:
    return "true|false";
  case SNA_OPT_STRING:
    return "text";
  case SNA_OPT_CHOICE:
    return "word";
  case SNA_OPT_INTS:
    return "[integers]";
  case SNA_OPT_REALS:
    return "[numbers]";
  case SNA_OPT_STRINGS:
    return "[words]";
  case SNA_OPT_NAMES:
    return "list of names";
  }
  return "";
}

// What may be written: the declared words; for numbers without them the bounds.
static PetscErrorCode Values(const SnaOption *option, size_t size, char text[])
{
  char range[96];

  PetscFunctionBeginUser;
  PetscCall(SnaOptionRange(option, sizeof(range), range));
  if (option->type == SNA_OPT_CHOICE && option->values)
    snprintf(text, size, "%s", option->values);
  else if (option->values)
    snprintf(text, size, "%s, %s", TypeName(option->type), option->values);
  else if (range[0])
    snprintf(text, size, "%s, %s", TypeName(option->type), !strncmp(range, "in ", 3) ? range + 3 : range);
  else
    snprintf(text, size, "%s", TypeName(option->type));
  PetscFunctionReturn(0);
}

static const char *Default(const SnaOption *option)
{
  return !option->fallback              ? "required"
         : option->fallback[0]          ? option->fallback
         : option->type == SNA_OPT_BOOL ? "false"
                                        : "-";
}

// '|' would end a cell of the table.
static PetscErrorCode AppendCell(SnaText *out, const char text[])
{
  PetscFunctionBeginUser;
  for (const char *s = text; *s; s++) PetscCall(SnaTextAppend(out, *s == '|' ? "\\|" : "%c", *s));
  PetscFunctionReturn(0);
}

static PetscErrorCode AppendRow(SnaText *out, const SnaOption *option, PetscBool markdown, const int width[3])
{
  char values[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(Values(option, sizeof(values), values));
  if (markdown) {
    PetscCall(SnaTextAppend(out, "| `%s` | ", option->key));
    PetscCall(AppendCell(out, values));
    PetscCall(SnaTextAppend(out, " | "));
    if (option->fallback && option->fallback[0]) {
      PetscCall(SnaTextAppend(out, "`"));
      PetscCall(AppendCell(out, option->fallback));
      PetscCall(SnaTextAppend(out, "`"));
    } else
      PetscCall(SnaTextAppend(out, "%s", Default(option)));
    PetscCall(SnaTextAppend(out, " | "));
    PetscCall(AppendCell(out, option->help));
    PetscCall(SnaTextAppend(out, " |\n"));
  } else
    PetscCall(SnaTextAppend(out, "  %-*s  %-*s  %-*s  %s\n", width[0], option->key, width[1], values, width[2],
      Default(option), option->help));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckPrintHelp(SnaDeck deck, const char filter[], PetscBool markdown)
{
  SnaText  out  = {0};
  PetscInt rows = 0;

  PetscFunctionBeginUser;
  if (!markdown) PetscCall(SnaTextAppend(&out, "%s", usage));
  for (PetscInt t = 0; t < deck->ntable; t++) {
    PetscBool titled   = PETSC_FALSE;
    int       width[3] = {0, 0, 0};

    for (const SnaOption *o = deck->table[t].option; o->key; o++) {
      char values[SNA_MAX_MESSAGE];

      if (filter && !strstr(o->key, filter)) continue;
      PetscCall(Values(o, sizeof(values), values));
      width[0] = PetscMax(width[0], (int)strlen(o->key));
      width[1] = PetscMax(width[1], PetscMin((int)strlen(values), 40));
      width[2] = PetscMax(width[2], PetscMin((int)strlen(Default(o)), 24));
    }
    for (const SnaOption *o = deck->table[t].option; o->key; o++) {
      if (filter && !strstr(o->key, filter)) continue;
      if (!titled && markdown) {
        PetscCall(SnaTextAppend(&out, "%s### %s\n\n| key | values | default | meaning |\n|---|---|---|---|\n",
          rows ? "\n" : "", deck->table[t].title));
      } else if (!titled)
        PetscCall(SnaTextAppend(&out, "\n%s\n", deck->table[t].title));
      titled = PETSC_TRUE;
      PetscCall(AppendRow(&out, o, markdown, width));
      rows++;
    }
  }
  if (!rows && filter)
    PetscCall(SnaTextAppend(&out, "\nno key contains `%s`\n", filter));
  else if (!markdown)
    PetscCall(SnaTextAppend(&out, "\n`*` stands for a name that the deck lists, e.g. dim_*_cells is -dim_x_cells, or "
                                  "`dim:` with the item `- x: {cells: 32}`.\n"));
  PetscCall(PetscPrintf(deck->comm, "%s", out.s));
  PetscCall(PetscFree(out.s));
  PetscFunctionReturn(0);
}
