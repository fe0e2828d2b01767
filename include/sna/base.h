// sna/base.h - what every other folder stands on: the deck, expressions, progress lines, stop signals, random numbers.
//
// Layer: lowest. Includes PETSc only. libyaml is used inside src/base and nowhere else.
//
// Two kinds of error live side by side in the program:
//   user errors        (a wrong deck, a file that cannot be written) are values: a message that names file, line and cure,
//                      collected or returned as text; never a PETSc trace.
//   programmer errors  (a broken invariant) are PetscCheck()s and end the program with a trace.
#ifndef SNA_BASE_H
#define SNA_BASE_H

#include <petscsys.h>
#include <stddef.h>
#include <stdint.h>

#define SNA_MAX_DIM     32 // directions of one problem: a bit each in a mask of 32
#define SNA_MAX_MESSAGE 1024

// Exit codes of the program.
typedef enum {
  SNA_EXIT_SOLVED       = 0,
  SNA_EXIT_INTERNAL     = 1, // programmer errors, lost ranks, files that could not be written
  SNA_EXIT_USAGE        = 2, // bad deck, bad command line, bad launch
  SNA_EXIT_NOTCONVERGED = 3, // files were written, the stopping criterion was not reached
  SNA_EXIT_STOPPED      = 4  // stopped by a signal or the wall time; a restart file was written
} SnaExit;

// ---------------------------------------------------------------------------------------------------------------------
// Expressions: one-line formulas such as "exp(-(x-r0)^2/(2*s^2))".
//
// Grammar, by rising precedence (as in C and in mathematics; -x^2 = -(x^2), a^b^c = a^(b^c)):
//   c ? a : b   || && == != < <= > >=   + -   * /   unary - +   ^   number name name(args) (expr)
// Numbers as in C (1, .5, 1e-3). Names are case-sensitive: variables, constants, pi, and the functions
//   sin cos tan asin acos atan sinh cosh tanh exp log log10 sqrt cbrt abs sign erf erfc   (one argument)
//   min max pow atan2                                                                    (two arguments)
//   root(s, f, lo, hi)   the s in [lo, hi] where f, an expression in s (a name of its own) too, changes its sign; NaN where f(lo) and f(hi) have one sign;
//                        to round-off at simple roots. Derivatives up to the seventh, by central differences of f in s (relative error about 1e-9)
// Assignment, a bare comma, chained comparisons (0 < x < 1), unknown names, empty text and trailing text are errors that name
// the column.
// Derivatives are exact (jets: truncated Taylor arithmetic), so a lift of an initial condition keeps its closed form.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaExpr_ *SnaExpr;

typedef struct { // the names an expression may use; not copied deeper than one SnaExprCreate call
  int                nvar;
  const char *const *var; // variables, index 0..nvar-1 (<= SNA_MAX_DIM)
  int                nconst;
  const char *const *constant;
  const double      *value;
} SnaSymbols;

// Parses `text`. On a user error *e is NULL and `message` says what, with the column ("column 7: unknown name `kapa`; did you
// mean `kappa`?"). Not collective.
PetscErrorCode SnaExprCreate(const char text[], const SnaSymbols *symbols, SnaExpr *e, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaExprDestroy(SnaExpr *e);
// Bit v of *mask is set when variable v occurs.
PetscErrorCode SnaExprGetVariables(SnaExpr e, uint32_t *mask);
// out[i] = value at point i; x[v] points to the n values of variable v and may be NULL where v does not occur. NaN and
// infinity come through unchanged: the caller checks and names the place. Not collective, thread safe, vectorised in blocks.
PetscErrorCode SnaExprEvaluate(SnaExpr e, PetscInt n, const double *const x[], double out[]);
// out[m*n + i] = d^m/d(var)^m at point i, m = 0..order (order <= 8). comparisons, sign and abs differentiate piecewise.
PetscErrorCode SnaExprJet(SnaExpr e, int var, int order, PetscInt n, const double *const x[], double out[]);

// A product term of one of three kinds, each factor in one variable:
//
//   plain         coefficient * prod_d factor_d(x_d) * prod_d (d/dx_d)^derivative_d u                    -kappa * y * d(x,2)
//     Every d(...) acts on the unknown alone, wherever it stands in the product: y*d(x) and d(x)*y are the same term. power = 1.
//   conservative  coefficient * prod_d factor_d * D_outer( prod_d inner_d * D_derivative u )             -d(x)( kappa * a(x) * d(x) )
//     d(x), d(x,k) followed by a product in parentheses that has a derivative (or the unknown's name) in it; one level deep. Factors inside that the
//     outer derivative does not touch are moved outside, so inner_d is not NULL only where outer_d > 0. power = 1.
//   nonlinear     coefficient * prod_d factor_d * prod_{i<power} D_{of[i]} u                             u * d(u,x)    3 * sigma * u^2
//     A term that names the unknown is written out in full: u, u^2, d(u,x), d(u,x,2). power >= 1 (1: the same as the plain term; derivative = of[0]).
#define SNA_MAX_POWER 4
typedef struct {
  double  coefficient;             // product of the numbers, constants and signs
  SnaExpr factor[SNA_MAX_DIM];     // NULL stands for 1; several factors of one variable are multiplied together
  int     derivative[SNA_MAX_DIM]; // order of the derivative, 0 = none
  int     outer[SNA_MAX_DIM];      // conservative: orders of the derivative in front of the parentheses
  SnaExpr inner[SNA_MAX_DIM];      // and the factors inside
  int     power;                   // how often the unknown occurs: 1 in linear terms, 0 in terms without derivatives (sources)
  int     of[SNA_MAX_POWER][SNA_MAX_DIM]; // derivatives of each occurrence where power > 1
} SnaTerm;

// Splits a product written as in mathematics, e.g. "-omega * y * d(x,2) / (2*kappa)", into a term. Products, quotients,
// parentheses and signs are taken apart; what is left must depend on one variable, otherwise *ok is PETSC_FALSE and the
// message names the factor and the variables in it. d(x), d(x,k) are accepted only where `derivatives` is true.
// On a user error *ok is PETSC_FALSE and nothing needs destroying. `unknown`: its name, NULL where it may not occur (then conservative and nonlinear
// terms are errors too); it is no variable of `symbols`.
PetscErrorCode SnaTermCreate(const char text[], const SnaSymbols *symbols, PetscBool derivatives, const char unknown[],
  SnaTerm *term, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaTermDestroy(SnaTerm *term);
// Tries to write an expression as a sum of at most `max` product terms (no derivatives). *n = 0 when it is not such a sum; no error.
PetscErrorCode SnaTermsFromSum(const char text[], const SnaSymbols *symbols, int max, int *n, SnaTerm terms[]);

// The entry of names[] nearest to `name` (edit distance at most max(2, len/3) and less than len, blind to case), or NULL.
const char *SnaNearestName(const char name[], int n, const char *const names[]);
// TRUE for the names of the functions, `d` and `pi`, which directions and constants may not take.
PetscBool SnaNameIsReserved(const char name[]);

// ---------------------------------------------------------------------------------------------------------------------
// The deck: PETSc's options database, written as YAML, checked before anything else reads it.
//
//   deck.yaml  --lint (libyaml, rank 0)-->  keys with lines  -->  PETSc options, then the command line over them
//
// Modules declare their keys in constant tables of SnaOption; getters look values up by the table's own pattern, so the default,
// the range, -help and doc/deck.md have one source. User errors are collected and printed together by SnaDeckReport().
// ---------------------------------------------------------------------------------------------------------------------
typedef enum {
  SNA_OPT_INT,
  SNA_OPT_REAL, // a number or an expression in the deck's constants: 2*pi/3
  SNA_OPT_BOOL,
  SNA_OPT_STRING,  // any text: expressions, file names
  SNA_OPT_CHOICE,  // one of values "a|b|c"
  SNA_OPT_INTS,    // sequence of integers: [129, 129]
  SNA_OPT_REALS,   // sequence of numbers or constant expressions: [0, 2*pi/3]
  SNA_OPT_STRINGS, // sequence of words: [x, y]
  SNA_OPT_NAMES    // ordered list of names that the user invents (`dim:` with items `- x: {...}`)
} SnaOptionType;

typedef struct {
  const char   *key; // path with '_', '*' for a listed name: "dim_*_cells"; NULL ends a table
  SnaOptionType type;
  const char   *fallback; // default as the user would write it; NULL: required; "": absent unless given
  double        min, max; // inclusive bounds for numbers (each entry of a sequence); ignored for text
  const char   *values;   // shown in -help and doc: "a|b|c" for choices, otherwise prose such as "1..5"; may be NULL
  const char   *help;     // one sentence
} SnaOption;

typedef struct SnaDeck_ *SnaDeck;

// The command line, split before PetscInitialize(), which would misread -help, flags before the deck and values such as -omega.
//   sna_solver [DECK] [-key value | -key=value | -flag] ...
// DECK is the first word that is neither a key nor the value of one. A declared SNA_OPT_BOOL takes its next word only if that is a truth
// value (`-check a.deck` works), any other declared key takes it (-pde_term_advx -omega*y*d(x)); a word that is itself a declared key is
// never a value. After a key that no table declares, words ending in ".deck" are the deck. -help [word] and -version are taken out.
typedef struct {
  int         argc; // all words as they were given, borrowed
  char      **argv;
  const char *program, *deck; // borrowed from argv; deck is NULL when there is none
  PetscBool   help, version;
  const char *filter; // the word after -help, or NULL
  int         petsc_argc, deck_argc;
  char **petsc_argv; // for PetscInitialize: program, -skip_petscrc, PETSc's own options (-log_view, -malloc_debug, ...)
  char **deck_argv;  // for SnaDeckCreate: program, "-key=value" or "-flag", in order
  char   message[SNA_MAX_MESSAGE]; // a user error, or empty
  int    nowned;
  char **owned;
} SnaCommandLine;

// `table` holds the option tables of the whole program. Needs no PETSc; returns PETSC_ERR_MEM without memory, otherwise 0. `line` and argv must
// live until after PetscFinalize (PETSc keeps pointers into them).
PetscErrorCode SnaCommandLineSplit(
  int argc, char **argv, int ntable, const SnaOption *const table[], SnaCommandLine *line);
void SnaCommandLineFree(SnaCommandLine *line);

// Collective on comm after PetscInitialize. Reads `path` on rank 0 (NULL: no deck, for -help), lints it, distributes it and puts it
// into PETSc's options database under the command line: the words deck_argv of SnaCommandLineSplit(), argv[0] is not looked at. Errors of the
// lint are collected like all others. SnaDeckDestroy() takes the deck's keys out of the database again.
PetscErrorCode SnaDeckCreate(MPI_Comm comm, const char path[], int argc, char **argv, SnaDeck *deck);
// The same for a text that every rank holds, such as the effective deck inside a result file; `name` stands for the path in messages.
PetscErrorCode SnaDeckCreateFromText(
  MPI_Comm comm, const char name[], const char text[], int argc, char **argv, SnaDeck *deck);
PetscErrorCode SnaDeckDestroy(SnaDeck *deck);
// Declares a table (kept by reference; a static const array ended by key == NULL) under a title for -help.
PetscErrorCode SnaDeckAddOptions(SnaDeck deck, const char title[], const SnaOption table[]);
// Keys under this prefix belong to a PETSc object (e.g. "vsna_ksp_"): they are judged by whether PETSc used them.
PetscErrorCode SnaDeckAddPetscPrefix(SnaDeck deck, const char prefix[]);
// Reads the deck's constants (`param:`), each an expression of the ones before it, and the built-in pi. Call before any getter of numbers.
PetscErrorCode SnaDeckSetUpConstants(SnaDeck deck);
// Constants as symbols without variables (borrowed; valid until the deck is destroyed).
PetscErrorCode SnaDeckGetConstants(SnaDeck deck, SnaSymbols *symbols);

// Getters. `key` is the pattern of the table, `name` replaces its '*' (NULL when it has none). The default is returned when the key is absent
// or wrong (an error is then collected); where there is none, the lower bound or 0, NULL, or n = 0, so that set-up can go on to its next error.
// Text given as "" (also -key=) takes an optional key back: NULL. Strings are owned by the deck. A value is text until it is read, so the
// same key may be read again. Not collective (all ranks hold the same nodes).
PetscErrorCode SnaDeckGetInt(SnaDeck deck, const char key[], const char name[], PetscInt *value);
PetscErrorCode SnaDeckGetReal(SnaDeck deck, const char key[], const char name[], double *value);
PetscErrorCode SnaDeckGetBool(SnaDeck deck, const char key[], const char name[], PetscBool *value);
PetscErrorCode SnaDeckGetString(
  SnaDeck deck, const char key[], const char name[], const char **value); // STRING and CHOICE; NULL if absent
PetscErrorCode SnaDeckGetInts(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, PetscInt values[]);
PetscErrorCode SnaDeckGetReals(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, double values[]);
PetscErrorCode SnaDeckGetStrings(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, const char *values[]);
PetscErrorCode SnaDeckGetNames(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, const char *names[]);
PetscErrorCode SnaDeckHas(SnaDeck deck, const char key[], const char name[], PetscBool *given);

// Adds one user error; it is printed with the deck's line of that key ("a.deck:21: ..."), or "command line: -key: ...". An absent key has the
// line of the group or listed name that it would stand in, and the path alone where there is none. key may be NULL. The same error twice counts
// once. Errors may differ between ranks.
PetscErrorCode SnaDeckError(SnaDeck deck, const char key[], const char name[], const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(4, 5);
// Number of errors so far: the largest count of any rank, the same on every rank. Collective.
PetscErrorCode SnaDeckGetErrorCount(SnaDeck deck, PetscInt *n);
// Every key (deck or command line) that nothing has read becomes an error with the nearest known key. Call once, after set-up; it may be called
// after errors too, and then tells only what is certainly unknown. Collective.
PetscErrorCode SnaDeckCheckUnused(SnaDeck deck);
// Prints every collected error from rank 0 on stderr, one line each, sorted by line. Collective.
PetscErrorCode SnaDeckReport(SnaDeck deck);
// The deck verbatim; its path as given; both "" without a deck. The effective options: "key: value" lines, sorted by key, of everything that was
// read, defaults marked "# default", absent optional keys left out; equal on all ranks and itself a deck of the same meaning. Borrowed.
PetscErrorCode SnaDeckGetText(SnaDeck deck, const char **path, const char **text);
PetscErrorCode SnaDeckGetEffective(SnaDeck deck, const char **text);
// -help: every declared table as "key  type  default  meaning"; only keys that contain `filter` when it is not NULL. From rank 0 on stdout.
// With markdown = true, the tables of doc/deck.md (its test compares them).
PetscErrorCode SnaDeckPrintHelp(SnaDeck deck, const char filter[], PetscBool markdown);

// ---------------------------------------------------------------------------------------------------------------------
// Life of a run
// ---------------------------------------------------------------------------------------------------------------------
// Refuses a launch in which this process is alone in MPI_COMM_WORLD although the launcher's environment announces more ranks (the mark of a
// wrong mpirun). Fills `message` (one line, with the cure) when refused, on the first process of the launch. Call after PetscInitialize; looks at OMPI_COMM_WORLD_SIZE, PMI_SIZE,
// MPI_LOCALNRANKS, PMIX_RANK, and at SLURM_STEP_NUM_TASKS inside an srun step (a shell in an allocation is no launch).
PetscErrorCode SnaCheckLaunch(MPI_Comm comm, PetscBool *ok, char message[SNA_MAX_MESSAGE]);

// SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 set a flag (SIGXFSZ and SIGPIPE are ignored so that writes return errors). Not collective.
PetscErrorCode SnaStopInstall(void);
// Collective: *stop is true on all ranks when any rank got a signal or `max_seconds` (<= 0: none) have passed since SnaStopInstall(). reason: static text
// such as "signal SIGTERM", or NULL; the same on all ranks.
PetscErrorCode SnaStopRequested(MPI_Comm comm, double max_seconds, PetscBool *stop, const char **reason);

// Copies all that PetscPrintf() and PetscFPrintf() print on the screen to a file on rank 0, until SnaLogClose(). Collective; message is empty
// when the file could be opened, the same on all ranks.
PetscErrorCode SnaLogOpen(MPI_Comm comm, const char path[], PetscBool append, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaLogClose(void);

// One greppable line per iteration on rank 0, with the time since creation and an ETA:
//   als   7/50  rank 32  res 3.214e-06  drop 0.41  t 12.3 s  eta 40 s
typedef struct SnaProgress_ *SnaProgress;
PetscErrorCode               SnaProgressCreate(MPI_Comm comm, SnaProgress *p);
PetscErrorCode               SnaProgressDestroy(SnaProgress *p);
// `what` `done`/`total` text t .. eta ..; `work` in [0,1] is the share of the whole work done so far, from which the ETA follows (work done before a
// restart is `work0`). total <= 0: unknown. Quiet when -quiet is set by SnaProgressSetQuiet.
PetscErrorCode SnaProgressSetQuiet(SnaProgress p, PetscBool quiet);
PetscErrorCode SnaProgressSetStart(SnaProgress p, double work0);
PetscErrorCode SnaProgressLine(SnaProgress p, const char what[], PetscInt done, PetscInt total, double work,
  const char format[], ...) PETSC_ATTRIBUTE_FORMAT(6, 7);

// Seconds left when `seconds` took the work from work0 to work; -1 when that cannot be known.
double SnaProgressEta(double seconds, double work0, double work);

// Counter-based random numbers (Philox4x32-10): a pure function of (seed, stream, index), so that results do not depend on the number of ranks.
double SnaRandomUniform(uint64_t seed, uint64_t stream, uint64_t index); // in (0,1)
double SnaRandomNormal(uint64_t seed, uint64_t stream, uint64_t index);  // mean 0, variance 1
// Both numbers in (0,1) that indices first .. first+n-1 hold, many at a time: a[i] is that of SnaRandomUniform(), b[i] is independent of it.
void SnaRandomUniformPairs(uint64_t seed, uint64_t stream, uint64_t first, PetscInt n, double a[], double b[]);

// The share of `rank` when 0..n-1 are dealt to `size` ranks: contiguous, the first n % size ranks have one more. Not collective.
void SnaSplit(PetscInt n, PetscMPIInt size, PetscMPIInt rank, PetscInt *first, PetscInt *count);

// Ranks without work sleep until the others are there, instead of spinning on cores that the others may need. Collective.
PetscErrorCode SnaWaitForAll(MPI_Comm comm);

// Peak resident memory of this process in bytes (VmHWM), 0 where the system does not tell. Not collective.
double SnaMemoryPeak(void);

// The run's figures, `result <name> <value>` at the end of the output and under /result in the file (texts are its attributes). Names are unique: adding again replaces.
typedef struct SnaResults_ *SnaResults;
PetscErrorCode              SnaResultsCreate(SnaResults *r);
PetscErrorCode              SnaResultsDestroy(SnaResults *r);
PetscErrorCode              SnaResultsAdd(SnaResults r, const char name[], double value);
PetscErrorCode              SnaResultsAddText(SnaResults r, const char name[], const char text[]); // one word, "y,x,t"
// i = 0..n-1 in order of addition; *name NULL past the end. A text's value is 0; a number's text NULL.
PetscErrorCode SnaResultsGet(SnaResults r, PetscInt i, const char **name, double *value);
PetscErrorCode SnaResultsGetText(SnaResults r, PetscInt i, const char **text);
PetscErrorCode SnaResultsPrint(SnaResults r, MPI_Comm comm); // rank 0, "result error_l2 9.312345678901e-03"

#endif
