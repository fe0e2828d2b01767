// commandline.c - splits argv into words for PetscInitialize() and words for the deck, before either sees them.
//
// PETSc takes every word that looks like "-name" for an option, so a value such as -omega or a flag before the deck's
// path would be misread. Here the declared tables decide: a truth flag takes only a truth value, any other declared key
// takes its next word. The scan allocates with malloc because PETSc may not run yet. It does not judge keys: that is
// unused.c, when all is read.
#include "deck_impl.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum { TAKES_TRUTH, TAKES_COLON, TAKES_WORD } PetscTakes; // which following word belongs to the option

static const struct {
  const char *key;
  PetscTakes  takes;
} petsc_global[] = {{"log_view", TAKES_COLON}, // [:file[:format]]
  {"log_view_memory", TAKES_TRUTH}, {"log_all", TAKES_TRUTH}, {"log_sync", TAKES_TRUTH},
  {"log_trace", TAKES_TRUTH},                                                       // its file: -log_trace=FILE
  {"log_exclude", TAKES_WORD}, {"log_summary", TAKES_TRUTH}, {"info", TAKES_COLON}, // [file][:classes[:self]]
  {"malloc", TAKES_TRUTH}, {"malloc_debug", TAKES_TRUTH}, {"malloc_dump", TAKES_TRUTH}, {"malloc_test", TAKES_TRUTH},
  {"malloc_view", TAKES_TRUTH}, {"malloc_view_threshold", TAKES_WORD}, {"malloc_requested_size", TAKES_TRUTH},
  {"malloc_coalesce", TAKES_TRUTH}, {"malloc_hbw", TAKES_TRUTH}, {"memory_view", TAKES_TRUTH},
  {"check_pointer_intensity", TAKES_WORD}, {"checkfunctionlist", TAKES_TRUTH}, {"on_error_abort", TAKES_TRUTH},
  {"on_error_mpiabort", TAKES_TRUTH}, {"on_error_attach_debugger", TAKES_TRUTH}, {"on_error_emacs", TAKES_WORD},
  {"error_output_stdout", TAKES_TRUTH}, {"error_output_none", TAKES_TRUTH}, {"start_in_debugger", TAKES_TRUTH},
  {"stop_for_debugger", TAKES_TRUTH}, {"debug_terminal", TAKES_WORD}, {"debugger_pause", TAKES_WORD},
  {"debugger_ranks", TAKES_WORD}, {"fp_trap", TAKES_TRUTH}, {"no_signal_handler", TAKES_TRUTH},
  {"get_total_flops", TAKES_TRUTH}, {"objects_dump", TAKES_TRUTH}, {"options_left", TAKES_TRUTH},
  {"options_view", TAKES_TRUTH}, {"options_monitor", TAKES_TRUTH}, {"options_monitor_cancel", TAKES_TRUTH},
  {"viewfromoptions", TAKES_TRUTH}, {"shared_tmp", TAKES_TRUTH}, {"not_shared_tmp", TAKES_TRUTH}, {"tmp", TAKES_WORD},
  {"nox", TAKES_TRUTH}, {"display", TAKES_WORD}, {"omp_num_threads", TAKES_WORD}, {"omp_view", TAKES_TRUTH},
  {"skip_petscrc", TAKES_TRUTH}, {"petsc_ci", TAKES_TRUTH}};

static int PetscGlobalIndex(const char key[])
{
  for (size_t i = 0; i < sizeof(petsc_global) / sizeof(petsc_global[0]); i++) {
    if (!strcasecmp(petsc_global[i].key, key)) return (int)i;
  }
  return -1;
}

PetscBool SnaIsPetscGlobal(const char key[])
{
  return PetscGlobalIndex(key) >= 0 ? PETSC_TRUE : PETSC_FALSE;
}

PetscBool SnaParseBool(const char text[], PetscBool *value)
{
  static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};

  for (int i = 0; i < 4; i++) {
    if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
      *value = !strcasecmp(text, yes[i]) ? PETSC_TRUE : PETSC_FALSE;
      return PETSC_TRUE;
    }
  }
  return PETSC_FALSE;
}

PetscBool SnaIsName(const char s[], size_t n)
{
  if (n < 1 || n > SNA_MAX_NAME || s[0] < 'a' || s[0] > 'z') return PETSC_FALSE;
  for (size_t i = 1; i < n; i++) {
    if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9')) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

PetscBool SnaKeyMatches(const char pattern[], const char key[], const char **name, size_t *n)
{
  const char *star = strchr(pattern, '*');
  size_t      head, tail, length = strlen(key);

  *name = NULL;
  *n    = 0;
  if (!star) return strcmp(pattern, key) ? PETSC_FALSE : PETSC_TRUE;
  head = (size_t)(star - pattern);
  tail = strlen(star + 1);
  if (length <= head + tail || strncmp(pattern, key, head) || strcmp(star + 1, key + length - tail)) return PETSC_FALSE;
  *name = key + head;
  *n    = length - head - tail;
  return SnaIsName(*name, *n);
}

// The key of a word "-key" or "-key=value", with one or two dashes, or NULL when the word is none. *equals is its value
// or NULL.
static const char *WordKey(const char word[], size_t *n, const char **equals)
{
  const char *key = word + 1;

  *equals = NULL;
  if (word[0] != '-') return NULL;
  if (*key == '-') key++;
  if (!isalpha((unsigned char)*key)) return NULL;
  for (*n = 0; isalnum((unsigned char)key[*n]) || key[*n] == '_'; (*n)++) {}
  if (key[*n] == '=')
    *equals = key + *n + 1;
  else if (key[*n])
    return NULL;
  return key;
}

static const SnaOption *FindDeclared(const char key[], int ntable, const SnaOption *const table[])
{
  for (int t = 0; t < ntable; t++) {
    for (const SnaOption *o = table[t]; o->key; o++) {
      const char *name;
      size_t      n;

      if (SnaKeyMatches(o->key, key, &name, &n)) return o;
    }
  }
  return NULL;
}

// Whether the word after a declared key is its value. A word such as -s is a value only where a formula may stand, has
// no '_' (names in formulas have none) and is not itself a declared key.
static PetscBool TakesWord(const SnaOption *option, const char word[], int ntable, const SnaOption *const table[])
{
  const char *key, *equals;
  size_t      n;
  PetscBool   truth;
  char        copy[SNA_MAX_KEY];

  if (option->type == SNA_OPT_BOOL) return SnaParseBool(word, &truth);
  key = WordKey(word, &n, &equals);
  if (!key) return PETSC_TRUE;
  if (equals || n >= sizeof(copy) || word[1] == '-') return PETSC_FALSE;
  if (option->type != SNA_OPT_REAL && option->type != SNA_OPT_REALS && option->type != SNA_OPT_STRING)
    return PETSC_FALSE;
  memcpy(copy, key, n);
  copy[n] = 0;
  return strchr(copy, '_') || SnaIsPetscGlobal(copy) || FindDeclared(copy, ntable, table) ? PETSC_FALSE : PETSC_TRUE;
}

static PetscBool EndsIn(const char word[], const char end[])
{
  size_t n = strlen(word), m = strlen(end);

  return n >= m && !strcmp(word + n - m, end) ? PETSC_TRUE : PETSC_FALSE;
}

// A copy owned by `line`: head, or "head=tail"; NULL without memory.
static char *Keep(SnaCommandLine *line, const char head[], size_t n, const char tail[])
{
  size_t m    = tail ? strlen(tail) + 1 : 0;
  char  *copy = malloc(n + m + 2);

  if (!copy) return NULL;
  copy[0] = '-';
  memcpy(copy + 1, head, n);
  if (tail) {
    copy[n + 1] = '=';
    memcpy(copy + n + 2, tail, m - 1);
  }
  copy[n + m + 1]             = 0;
  line->owned[line->nowned++] = copy;
  return copy;
}

PetscErrorCode SnaCommandLineSplit(
  int argc, char **argv, int ntable, const SnaOption *const table[], SnaCommandLine *line)
{
  const size_t most = (size_t)(argc > 0 ? argc : 0) + 3;

  memset(line, 0, sizeof(*line));
  line->petsc_argv = calloc(2 * most, sizeof(*line->petsc_argv));
  line->deck_argv  = calloc(most, sizeof(*line->deck_argv));
  line->owned      = calloc(most, sizeof(*line->owned));
  line->argc       = argc;
  line->argv       = argv;
  line->program    = argc > 0 ? argv[0] : NULL;
  if (!line->petsc_argv || !line->deck_argv || !line->owned) {
    SnaCommandLineFree(line);
    return PETSC_ERR_MEM;
  }
  // a stray .petscrc would override the deck
  line->petsc_argv[line->petsc_argc++] = argc > 0 ? argv[0] : (char *)"sna_solver";
  line->petsc_argv[line->petsc_argc++] = (char *)"-skip_petscrc";
  line->deck_argv[line->deck_argc++]   = line->petsc_argv[0];

  for (int i = 1; i < argc; i++) {
    const char      *equals, *key, *value, *next = i + 1 < argc ? argv[i + 1] : NULL;
    size_t           n = 0;
    char             name[SNA_MAX_KEY];
    const SnaOption *option;
    int              global;

    key = WordKey(argv[i], &n, &equals);
    if (!key || n >= sizeof(name)) {
      if (line->message[0]) continue;
      if (argv[i][0] == '-' || !argv[i][0]) {
        snprintf(line->message, sizeof(line->message),
          "command line: `%.200s` is not a key, and no key before it takes it as a value", argv[i]);
      } else if (line->deck) {
        snprintf(line->message, sizeof(line->message),
          "command line: `%.200s` is one word too many: the deck is `%.200s`, and one run reads one deck (values "
          "follow their key: -vsna_rank 64)",
          argv[i], line->deck);
      } else
        line->deck = argv[i];
      continue;
    }
    memcpy(name, key, n);
    name[n] = 0;
    if (!strcmp(name, "version")) {
      line->version = PETSC_TRUE;
      continue;
    }
    if (!strcmp(name, "help") || !strcmp(name, "h")) {
      line->help = PETSC_TRUE;
      if (equals)
        line->filter = equals;
      else if (next && next[0] != '-' && !EndsIn(next, ".deck"))
        line->filter = argv[++i];
      continue;
    }
    option = FindDeclared(name, ntable, table);
    global = option ? -1 : PetscGlobalIndex(name);
    value  = equals;
    if (!equals && next) {
      PetscBool takes, truth;

      if (option)
        takes = TakesWord(option, next, ntable, table);
      else if (global >= 0) {
        takes = petsc_global[global].takes == TAKES_WORD ? PETSC_TRUE
                : petsc_global[global].takes == TAKES_COLON
                  ? (next[0] != '-' && strchr(next, ':') ? PETSC_TRUE : PETSC_FALSE)
                  : SnaParseBool(next, &truth);
      } else {
        size_t      m;
        const char *other;

        // nobody knows this key yet: take what cannot be a key or a deck
        takes = WordKey(next, &m, &other) || EndsIn(next, ".deck") ? PETSC_FALSE : PETSC_TRUE;
      }
      if (takes) value = argv[++i];
    }
    if (global >= 0) {
      char *word = Keep(line, name, n, NULL);

      if (!word) goto no_memory;
      line->petsc_argv[line->petsc_argc++] = word;
      if (value) line->petsc_argv[line->petsc_argc++] = (char *)value;
    } else {
      char *word = Keep(line, name, n, value);

      if (!word) goto no_memory;
      line->deck_argv[line->deck_argc++] = word;
    }
  }
  return 0;
no_memory:
  SnaCommandLineFree(line);
  return PETSC_ERR_MEM;
}

void SnaCommandLineFree(SnaCommandLine *line)
{
  for (int i = 0; i < line->nowned; i++) free(line->owned[i]);
  free(line->owned);
  free(line->petsc_argv);
  free(line->deck_argv);
  memset(line, 0, sizeof(*line));
}
