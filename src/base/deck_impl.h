// deck_impl.h - what the files of the deck share; private to src/base.
//
// A deck is a flat array of nodes, one per key of the file or the command line (nested keys joined by '_'), kept in the
// order of the file. Every rank holds the same nodes: rank 0 reads the file, all ranks parse the same text.
//
//   commandline.c  argv -> words for PETSc and words for the deck
//   lint.c         text -> nodes, with every mistake of form as an error with its line
//   deck.c         life of the deck, errors, effective text, PETSc's options database
//   options.c      getters of numbers and text, checked against the declared tables
//   lists.c        getters of sequences and listed names; the constants
//   unused.c       keys that nothing has read
//   help.c         the declared tables as text
#ifndef SNA_DECK_IMPL_H
#define SNA_DECK_IMPL_H

#include <sna/base.h>
#include <stdarg.h>

#define SNA_MAX_KEY          256     // bytes of a flat key, with its end
#define SNA_MAX_NAME         32      // letters of a listed name
#define SNA_MAX_LEAVES       480     // PETSc 3.18 holds 512 options; the rest is room for PETSc's own
#define SNA_MAX_DECK_BYTES   1048576 // a deck is written by hand
#define SNA_MAX_DECK_DEPTH   16
#define SNA_LINE_NONE        0 // an error of the deck as a whole
#define SNA_LINE_COMMANDLINE (-1)

typedef enum {
  SNA_NODE_GROUP, // a mapping: no value of its own, holds other keys
  SNA_NODE_VALUE, // a scalar
  SNA_NODE_LIST,  // a sequence of scalars; value = "a,b"
  SNA_NODE_NAMES  // a sequence of named items; value = their names "x,t"
} SnaDeckNodeKind;

typedef struct {
  SnaDeckNodeKind kind;
  char           *key;         // "dim_x_cells"
  char           *path;        // as the user writes it: "dim: x: cells"
  char           *value;       // verbatim; NULL when nothing was written
  int             line;        // line of the deck from 1; 0 when only the command line has it
  int             parent;      // index of the enclosing group or list, -1 at the top
  PetscBool       commandline; // the value is the command line's
  PetscBool       read;        // a getter asked for it
  PetscBool       reported;    // wrong as a whole: say nothing more about what is inside
} SnaDeckNode;

typedef struct { // one value that a getter handed out
  char     *key;
  char     *text; // as YAML
  PetscBool is_default;
} SnaReading;

typedef struct {
  int   line;
  char *text;
} SnaDeckMessage;

typedef struct {
  const char      *title;
  const SnaOption *option;
} SnaOptionTable;

typedef struct { // a text that grows
  char  *s;
  size_t length, capacity;
} SnaText;

struct SnaDeck_ {
  MPI_Comm        comm;
  char           *path, *text, *effective;
  SnaDeckNode    *node;
  PetscInt        nnode, node_capacity, nleaf; // nleaf counts what was too much to store as well
  PetscBool       incomplete; // the file could not be read to its end: what is absent may stand in the rest
  SnaReading     *reading;
  PetscInt        nreading, reading_capacity;
  SnaDeckMessage *error;
  PetscInt        nerror, error_capacity;
  SnaOptionTable *table;
  PetscInt        ntable, table_capacity;
  char          **prefix;
  PetscInt        nprefix, prefix_capacity;
  char          **kept; // strings handed out by getters
  PetscInt        nkept, kept_capacity;
  PetscInt        nconstant, constant_capacity;
  char          **constant;
  double         *value;
};

typedef struct { // one key, looked up
  const SnaOption *option;
  SnaDeckNode     *node; // NULL: the default holds
  char             key[SNA_MAX_KEY];
} SnaLookup;

// Makes room for one more element of `size` bytes; *array is a pointer to elements.
PETSC_INTERN PetscErrorCode SnaGrow(void *array, size_t size, PetscInt n, PetscInt *capacity);
PETSC_INTERN PetscErrorCode SnaTextAppend(SnaText *text, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
PETSC_INTERN PetscErrorCode SnaTextAppendYaml(SnaText *text, const char value[]); // quoted where YAML needs it

// A listed name: [a-z][a-z0-9]*, at most SNA_MAX_NAME letters.
PETSC_INTERN PetscBool SnaIsName(const char s[], size_t n);
// Whether `key` is an instance of `pattern` ("dim_*_cells"); *name and *n are then the part that stands for '*' (n = 0
// without one).
PETSC_INTERN PetscBool SnaKeyMatches(const char pattern[], const char key[], const char **name, size_t *n);
// Options that PETSc reads in PetscInitialize() or PetscFinalize(): the command line alone can set them.
PETSC_INTERN PetscBool SnaIsPetscGlobal(const char key[]);
// Truth values: true yes on 1, false no off 0, in any case.
PETSC_INTERN PetscBool SnaParseBool(const char text[], PetscBool *value);

PETSC_INTERN PetscErrorCode SnaDeckLint(SnaDeck deck, const char text[], size_t length);
PETSC_INTERN PetscErrorCode SnaDeckAddNode(
  SnaDeck deck, SnaDeckNodeKind kind, int parent, const char key[], const char path[], int line, int *index);
PETSC_INTERN SnaDeckNode   *SnaDeckFindNode(SnaDeck deck, const char key[]); // with a value; NULL when absent
PETSC_INTERN SnaDeckNode   *SnaDeckFindGroup(SnaDeck deck, const char key[]);
PETSC_INTERN PetscErrorCode SnaDeckErrorAt(SnaDeck deck, int line, const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(3, 4);
// The error of one node, with its line or its name on the command line in front.
PETSC_INTERN PetscErrorCode SnaDeckErrorNode(SnaDeck deck, const SnaDeckNode *node, const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(3, 4);
// The key as the user would write it in this deck: "dim: x: cells".
PETSC_INTERN PetscErrorCode SnaDeckKeyPath(
  SnaDeck deck, const char pattern[], const char key[], size_t size, char path[]);
// The listed name put in the place of '*'.
PETSC_INTERN PetscErrorCode SnaDeckKey(const char pattern[], const char name[], char key[SNA_MAX_KEY]);
PETSC_INTERN PetscErrorCode SnaDeckRecord(SnaDeck deck, const char key[], const char yaml[], PetscBool is_default);

// The lookup's node is NULL when the key is absent or its form is wrong for the type (an error is then collected).
// `types` holds bits 1 << SnaOptionType: the types that the getter serves.
PETSC_INTERN PetscErrorCode SnaLookupKey(
  SnaDeck deck, const char pattern[], const char name[], unsigned types, SnaLookup *look);
// An error about the value: "`vsna: rank` = 0 must be ..." in the deck, "0 must be ..." on the command line.
PETSC_INTERN PetscErrorCode SnaLookupError(SnaDeck deck, const SnaLookup *look, const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(3, 4);
PETSC_INTERN PetscErrorCode SnaLookupRecord(SnaDeck deck, const SnaLookup *look, const char text[]);
// One number (of a list), with its range; *ok is false when it is wrong, which is then collected.
PETSC_INTERN PetscErrorCode SnaLookupInt(
  SnaDeck deck, const SnaLookup *look, const char entry[], PetscInt *value, PetscBool *ok);
PETSC_INTERN PetscErrorCode SnaLookupReal(
  SnaDeck deck, const SnaLookup *look, const char entry[], double *value, PetscBool *ok);
PETSC_INTERN PetscBool SnaParseInt(const char text[], long long *value);
// A number, or an expression in the deck's constants; message[0] is 0 when it is one and finite.
PETSC_INTERN PetscErrorCode SnaParseReal(SnaDeck deck, const char text[], double *value, char message[SNA_MAX_MESSAGE]);
PETSC_INTERN const char    *SnaTrim(const char text[], size_t size, char copy[]);

// Splits "a, b" or "[a, b]" at the commas outside parentheses; PetscFree each entry and the array.
PETSC_INTERN PetscErrorCode SnaListSplit(const char text[], PetscInt *n, char ***entry);
PETSC_INTERN PetscErrorCode SnaListFree(PetscInt n, char ***entry);
// "1..4096", "at least 1", "positive"; empty without bounds.
PETSC_INTERN PetscErrorCode SnaOptionRange(const SnaOption *option, size_t size, char text[]);

#endif
