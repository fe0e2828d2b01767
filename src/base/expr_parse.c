// expr_parse.c - formulas of the deck: from text to a tree.
//
// A recursive-descent parser with precedence climbing for the binary operators. Every user error is one message that
// names the column. Nested parentheses, exponents and branches are limited in depth; long sums and products are not
// (they cost no call stack).
#include "expr_impl.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT      65536
#define MAX_NESTING   200
#define MAX_ARGUMENTS 2

static const struct {
  const char *name;
  SnaOp       op;
  int         narg;
} functions[] = {
  {"sin", SNA_OP_SIN, 1},
  {"cos", SNA_OP_COS, 1},
  {"tan", SNA_OP_TAN, 1},
  {"asin", SNA_OP_ASIN, 1},
  {"acos", SNA_OP_ACOS, 1},
  {"atan", SNA_OP_ATAN, 1},
  {"sinh", SNA_OP_SINH, 1},
  {"cosh", SNA_OP_COSH, 1},
  {"tanh", SNA_OP_TANH, 1},
  {"exp", SNA_OP_EXP, 1},
  {"log", SNA_OP_LOG, 1},
  {"log10", SNA_OP_LOG10, 1},
  {"sqrt", SNA_OP_SQRT, 1},
  {"cbrt", SNA_OP_CBRT, 1},
  {"abs", SNA_OP_ABS, 1},
  {"sign", SNA_OP_SIGN, 1},
  {"erf", SNA_OP_ERF, 1},
  {"erfc", SNA_OP_ERFC, 1},
  {"min", SNA_OP_MIN, 2},
  {"max", SNA_OP_MAX, 2},
  {"pow", SNA_OP_POW, 2},
  {"atan2", SNA_OP_ATAN2, 2},
};
#define NFUNCTION ((int)(sizeof(functions) / sizeof(functions[0])))

// ---------------------------------------------------------------------------------------------------------------------
// Names
// ---------------------------------------------------------------------------------------------------------------------
static int FindFunction(const char name[])
{
  for (int i = 0; i < NFUNCTION; i++)
    if (!strcmp(name, functions[i].name)) return i;
  return -1;
}

static int FindName(const char name[], int n, const char *const names[])
{
  for (int i = 0; i < n; i++)
    if (!strcmp(name, names[i])) return i;
  return -1;
}

PetscBool SnaNameIsReserved(const char name[])
{
  return (FindFunction(name) >= 0 || !strcmp(name, "d") || !strcmp(name, "pi") || !strcmp(name, "root")) ? PETSC_TRUE
                                                                                                         : PETSC_FALSE;
}

// ---------------------------------------------------------------------------------------------------------------------
// The parser
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // the name that a root(...) gives to its argument, and the node it stands for
  const char *name;
  int         node;
} Binding;

typedef struct {
  SnaTree       *tree;
  int            position; // in the text
  int            nesting;
  PetscBool      derivatives; // d(x) is allowed
  const char    *unknown;     // its name, or NULL
  PetscBool      applying;    // inside the parentheses of d(x)( ... )
  const Binding *bound;       // inside root(...), or NULL
  PetscBool      failed;
  char          *message;
} Parser;

static PetscErrorCode ParseExpression(Parser *p, int *node);
static PetscErrorCode ParseUnary(Parser *p, int *node);

// The first error is the one that tells most.
static void Fail(Parser *p, int position, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(3, 4);
static void Fail(Parser *p, int position, const char format[], ...)
{
  va_list   list;
  const int used = p->failed ? 0 : snprintf(p->message, SNA_MAX_MESSAGE, "column %d: ", position + 1);

  if (p->failed) return;
  va_start(list, format);
  vsnprintf(p->message + used, (size_t)(SNA_MAX_MESSAGE - used), format, list);
  va_end(list);
  p->failed = PETSC_TRUE;
}

static char Peek(Parser *p)
{
  while (p->tree->text[p->position] && strchr(" \t\r\n", p->tree->text[p->position])) p->position++;
  return p->tree->text[p->position];
}

static PetscBool Accept(Parser *p, char c)
{
  if (Peek(p) != c) return PETSC_FALSE;
  p->position++;
  return PETSC_TRUE;
}

static PetscBool IsNameStart(char c)
{
  return (isalpha((unsigned char)c) || c == '_') ? PETSC_TRUE : PETSC_FALSE;
}
static PetscBool IsNamePart(char c)
{
  return (isalnum((unsigned char)c) || c == '_') ? PETSC_TRUE : PETSC_FALSE;
}

// Characters that are wrong wherever they stand.
static PetscBool FailCharacter(Parser *p)
{
  const char *at = p->tree->text + p->position;

  if ((unsigned char)*at >= 128)
    Fail(p, p->position,
      "character outside ASCII; write products with `*`, powers with `^`, minus with `-` and names with plain letters");
  else if (*at == '=' && at[1] != '=')
    Fail(p, p->position, "`=` is not allowed: a formula assigns nothing; `==` compares");
  else if (*at == '*' && at[1] == '*')
    Fail(p, p->position, "`**` is not an operator; powers are written with `^`");
  else if (*at == '&' && at[1] != '&')
    Fail(p, p->position, "`&` is not an operator; `&&` is the logical and");
  else if (*at == '|' && at[1] != '|')
    Fail(p, p->position, "`|` is not an operator; `||` is the logical or, abs(...) the absolute value");
  else if (*at == '!' && at[1] != '=')
    Fail(p, p->position, "`!` is not an operator; write `== 0`");
  else if (*at == '[' || *at == ']' || *at == '{' || *at == '}')
    Fail(p, p->position, "`%c` is not allowed; group with `(` and `)`", *at);
  else if (iscntrl((unsigned char)*at) && *at)
    Fail(p, p->position, "control character (code %d)", (int)*at);
  else if (*at && strchr("%#$@;:\"'\\`~", *at))
    Fail(p, p->position, "unexpected character `%c`", *at);
  return p->failed;
}

static void FailOperand(Parser *p)
{
  const char c = Peek(p);

  if (!c)
    Fail(p, p->position, "the formula ends where a number, a name or `(` is expected");
  else if (c == ',')
    Fail(p, p->position, "unexpected comma; a number, a name or `(` is expected");
  else if (!FailCharacter(p))
    Fail(p, p->position, "unexpected `%c`; a number, a name or `(` is expected", c);
}

// An expression has ended at something that cannot follow it; open: position of the parenthesis around it, or -1.
static void FailOperator(Parser *p, int open)
{
  const char c = Peek(p);

  if (!c)
    Fail(p, open, "`(` is never closed");
  else if (c == ')')
    Fail(p, p->position, "`)` without a `(` before it");
  else if (c == ',')
    Fail(p, p->position, "a comma may stand only between the arguments of a function");
  else if (c == ':')
    Fail(p, p->position, "`:` without a `?` before it");
  else if (IsNamePart(c) || c == '(' || c == '.')
    Fail(p, p->position, "an operator is missing before `%c`; products are written with `*`", c);
  else if (!FailCharacter(p))
    Fail(p, p->position, "unexpected character `%c`", c);
}

static PetscBool Enter(Parser *p)
{
  if (++p->nesting <= MAX_NESTING) return PETSC_TRUE;
  Fail(p, p->position, "nested too deeply (more than %d levels)", MAX_NESTING);
  return PETSC_FALSE;
}

static PetscErrorCode ParseNumber(Parser *p, int *node)
{
  const char *text  = p->tree->text;
  const int   begin = p->position;
  int         end = begin, digits = 0;
  double      value;

  PetscFunctionBeginUser;
  while (isdigit((unsigned char)text[end])) end++, digits++;
  if (text[end] == '.') end++;
  while (isdigit((unsigned char)text[end])) end++, digits++;
  if (digits && (text[end] == 'e' || text[end] == 'E')) {
    const int exponent = end + 1 + (text[end + 1] == '+' || text[end + 1] == '-');

    if (isdigit((unsigned char)text[exponent])) {
      end = exponent;
      while (isdigit((unsigned char)text[end])) end++;
    }
  }
  if (!digits || text[end] == '.') {
    int stop = end;

    while (IsNamePart(text[stop]) || text[stop] == '.') stop++;
    Fail(p, begin, "`%.*s` is not a number", PetscMin(stop - begin, 40), text + begin);
    PetscFunctionReturn(0);
  }
  if (IsNameStart(text[end])) {
    int stop = end;

    while (IsNamePart(text[stop])) stop++;
    Fail(p, end, "an operator is missing between `%.*s` and `%.*s`; products are written with `*`",
      PetscMin(end - begin, 40), text + begin, PetscMin(stop - end, 40), text + end);
    PetscFunctionReturn(0);
  }
  value = strtod(text + begin, NULL);
  if (!isfinite(value)) {
    Fail(p, begin, "the number `%.*s` is too large", PetscMin(end - begin, 40), text + begin);
    PetscFunctionReturn(0);
  }
  p->position = end;
  PetscCall(SnaTreeAddConstant(p->tree, value, node));
  p->tree->node[*node].begin = begin;
  p->tree->node[*node].end   = end;
  PetscFunctionReturn(0);
}

// Copies the name at the current position; FALSE (and an error) when there is none or it is absurdly long.
static PetscBool ReadName(Parser *p, char name[128])
{
  const char *text  = p->tree->text + p->position;
  int         count = 0;

  if (!IsNameStart(*text)) return PETSC_FALSE;
  while (IsNamePart(text[count])) count++;
  if (count > 127) {
    Fail(p, p->position, "the name `%.20s...` is longer than 127 characters", text);
    return PETSC_FALSE;
  }
  memcpy(name, text, (size_t)count);
  name[count] = 0;
  p->position += count;
  return PETSC_TRUE;
}

static PetscErrorCode FailUnknownName(Parser *p, int begin, const char name[], PetscBool call)
{
  const SnaSymbols *symbols = p->tree->symbols;
  const char      **known;
  const char       *nearest;
  int               n = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)(symbols->nvar + symbols->nconst + NFUNCTION + 2), &known));
  if (call) {
    for (int i = 0; i < NFUNCTION; i++) known[n++] = functions[i].name;
  } else {
    for (int i = 0; i < symbols->nvar; i++) known[n++] = symbols->var[i];
    for (int i = 0; i < symbols->nconst; i++) known[n++] = symbols->constant[i];
    known[n++] = "pi";
    if (p->unknown && p->derivatives) known[n++] = p->unknown;
  }
  nearest = SnaNearestName(name, n, known);
  PetscCall(PetscFree(known));
  if (nearest)
    Fail(p, begin, "unknown %s `%s`; did you mean `%s`?", call ? "function" : "name", name, nearest);
  else
    Fail(p, begin, "unknown %s `%s`", call ? "function" : "name", name);
  PetscFunctionReturn(0);
}

static void FailDirection(Parser *p, PetscBool named, const char direction[])
{
  const char *u = named ? p->unknown : "", *comma = named ? "," : "";

  Fail(p, p->position, "d(%s%s...) takes a direction and perhaps an order: d(%s%s%s) or d(%s%s%s,2)", u, comma, u,
    comma, direction, u, comma, direction);
}

// A direction and perhaps an order inside d(...); named: after the name of the unknown.
static PetscErrorCode ParseDirection(Parser *p, PetscBool named, int *variable, int *order, char name[128])
{
  const SnaSymbols *symbols = p->tree->symbols;
  int               at;

  PetscFunctionBeginUser;
  Peek(p);
  at = p->position;
  if (!ReadName(p, name)) {
    FailDirection(p, named, "x");
    PetscFunctionReturn(0);
  }
  *variable = FindName(name, symbols->nvar, symbols->var);
  if (*variable < 0) {
    const char *nearest = SnaNearestName(name, symbols->nvar, symbols->var);

    if (!nearest && !named && p->unknown) nearest = SnaNearestName(name, 1, &p->unknown);
    if (FindName(name, symbols->nconst, symbols->constant) >= 0)
      Fail(p, at, "`%s` is a constant; d(...) takes a direction", name);
    else if (named && !strcmp(name, p->unknown))
      Fail(p, at, "`%s` is the unknown; d(%s,...) takes a direction", name, name);
    else if (nearest)
      Fail(p, at, "unknown direction `%s`; did you mean `%s`?", name, nearest);
    else
      Fail(p, at, "unknown direction `%s`", name);
    PetscFunctionReturn(0);
  }
  *order = 1;
  if (Accept(p, ',')) {
    int k;

    Peek(p);
    at = p->position;
    PetscCall(ParseExpression(p, &k));
    if (p->failed) PetscFunctionReturn(0);
    const SnaNode *argument = &p->tree->node[k];

    if (argument->op == SNA_OP_UNKNOWN)
      Fail(p, at, "the unknown comes first: d(%s,%s) or d(%s,%s,2)", p->unknown, name, p->unknown, name);
    else if (argument->op != SNA_OP_CONST || !SnaSmallInteger(argument->value, order) || *order < 1 ||
             *order > SNA_MAX_DERIVATIVE)
      Fail(p, at, "the order in d(%s%s%s,...) must be an integer from 1 to %d, not `%.*s`", named ? p->unknown : "",
        named ? "," : "", name, SNA_MAX_DERIVATIVE, PetscMin(argument->end - argument->begin, 40),
        p->tree->text + argument->begin);
  }
  PetscFunctionReturn(0);
}

// The parentheses after d(x): what the derivative is applied to.
static PetscErrorCode ParseApplied(Parser *p, int derivative, int *node)
{
  const SnaNode outer = p->tree->node[derivative];
  const int     open  = p->position;
  const char   *d     = p->tree->text + outer.begin;
  const int     nd    = PetscMin(outer.end - outer.begin, 40);
  int           inner;

  PetscFunctionBeginUser;
  if (!p->unknown) {
    Fail(p, open, "`(` after `%.*s`: a derivative of a product is not available here", nd, d);
    PetscFunctionReturn(0);
  }
  if (p->applying) {
    Fail(p, outer.begin, "`%.*s( ... )` stands inside another one; derivatives of products go one level deep", nd, d);
    PetscFunctionReturn(0);
  }
  p->position++;
  if (Peek(p) == ')') {
    Fail(p, open, "the parentheses after `%.*s` are empty; write %.*s( a*d(%s) ) or %.*s alone", nd, d, nd, d,
      p->tree->symbols->var[outer.variable], nd, d);
    PetscFunctionReturn(0);
  }
  p->applying = PETSC_TRUE;
  PetscCall(ParseExpression(p, &inner));
  if (p->failed) PetscFunctionReturn(0);
  p->applying = PETSC_FALSE;
  if (!Accept(p, ')')) {
    FailOperator(p, open);
    PetscFunctionReturn(0);
  }
  const SnaNode *below  = &p->tree->node[inner];
  const int      length = PetscMin(below->end - below->begin, 60);
  const char    *text   = p->tree->text + below->begin;

  if (!below->has_derivative && !below->has_unknown) {
    const PetscBool loose =
      below->op == SNA_OP_ADD || below->op == SNA_OP_SUB || (below->op >= SNA_OP_EQ && below->op <= SNA_OP_SELECT);
    const char *left = loose ? "(" : "", *right = loose ? ")" : "";

    Fail(p, open,
      "the parentheses after `%.*s` have neither a derivative nor `%s` in them; write %s%.*s%s*%.*s, or "
      "%.*s( %s%.*s%s*d(%s) )",
      nd, d, p->unknown, left, length, text, right, nd, d, nd, d, left, length, text, right,
      p->tree->symbols->var[outer.variable]);
  } else if (below->op == SNA_OP_ADD || below->op == SNA_OP_SUB) {
    Fail(p, open,
      "the parentheses after `%.*s` hold a sum, `%.*s`, but a term is one product; write one term for each part, each "
      "with its own %.*s( ... )",
      nd, d, length, text, nd, d);
  }
  PetscCall(SnaTreeAdd(p->tree, SNA_OP_APPLY, derivative, inner, -1, node));
  p->tree->node[*node].end = p->position;
  PetscFunctionReturn(0);
}

// d(x), d(x,k), either with a product in parentheses behind it, d(u,x) or d(u,x,k), after the name d.
static PetscErrorCode ParseDerivative(Parser *p, int begin, int *node)
{
  const int open = p->position;
  char      name[128];
  int       variable = 0, order = 1;
  PetscBool named = PETSC_FALSE;

  PetscFunctionBeginUser;
  if (!p->derivatives) {
    Fail(p, begin, "d(...) is a derivative of the unknown; it may stand only in the terms of the equation");
    PetscFunctionReturn(0);
  }
  if (!Accept(p, '(')) {
    Fail(p, begin, "`d` needs a direction: d(x) or d(x,2)");
    PetscFunctionReturn(0);
  }
  Peek(p);
  if (p->unknown) {
    const int at = p->position;

    named = ReadName(p, name) && !strcmp(name, p->unknown) ? PETSC_TRUE : PETSC_FALSE;
    if (p->failed) PetscFunctionReturn(0);
    if (!named) {
      p->position = at;
    } else if (!Accept(p, ',')) {
      const char *x = p->tree->symbols->nvar ? p->tree->symbols->var[0] : "x";

      if (Peek(p) == ')' || !Peek(p))
        Fail(p, p->position, "d(%s) lacks the direction: d(%s,%s) or d(%s,%s,2)", name, name, x, name, x);
      else
        Fail(p, p->position,
          "d(%s,...) differentiates `%s` alone; multiply out what is nonlinear: the derivative of %s^2 is "
          "2*%s*d(%s,%s)",
          name, name, name, name, name, x);
      PetscFunctionReturn(0);
    }
  }
  PetscCall(ParseDirection(p, named, &variable, &order, name));
  if (p->failed) PetscFunctionReturn(0);
  if (!Accept(p, ')')) {
    if (!Peek(p))
      Fail(p, open, "`(` is never closed");
    else
      FailDirection(p, named, name);
    PetscFunctionReturn(0);
  }
  PetscCall(SnaTreeNewNode(p->tree, named ? SNA_OP_UNKNOWN : SNA_OP_DERIVATIVE, node));
  p->tree->node[*node].variable       = variable;
  p->tree->node[*node].order          = order;
  p->tree->node[*node].has_derivative = !named;
  p->tree->node[*node].has_unknown    = named;
  p->tree->node[*node].begin          = begin;
  p->tree->node[*node].end            = p->position;
  if (!named && Peek(p) == '(') PetscCall(ParseApplied(p, *node, node));
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseCall(Parser *p, int begin, int function, int *node)
{
  int       argument[MAX_ARGUMENTS] = {-1, -1}, n = 0, extra;
  const int open = p->position;

  PetscFunctionBeginUser;
  if (!Accept(p, '(')) {
    Fail(p, begin, "`%s` is a function; write %s(%s)", functions[function].name, functions[function].name,
      functions[function].narg == 1 ? "..." : "..., ...");
    PetscFunctionReturn(0);
  }
  if (!Accept(p, ')')) {
    do {
      PetscCall(ParseExpression(p, n < MAX_ARGUMENTS ? &argument[n] : &extra));
      if (p->failed) PetscFunctionReturn(0);
      n++;
    } while (Accept(p, ','));
    if (!Accept(p, ')')) {
      FailOperator(p, open);
      PetscFunctionReturn(0);
    }
  }
  if (n != functions[function].narg) {
    Fail(p, begin, "`%s` takes %d argument%s, not %d", functions[function].name, functions[function].narg,
      functions[function].narg == 1 ? "" : "s", n);
    PetscFunctionReturn(0);
  }
  PetscCall(SnaTreeAdd(p->tree, functions[function].op, argument[0], argument[1], -1, node));
  p->tree->node[*node].begin = begin;
  p->tree->node[*node].end   = p->position;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// root(s, f, lo, hi): f is read once for every s at which expr_root.c needs it
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  Parser     *p;
  const char *name;
  int         begin; // of f in the text
} Root;

// f with s standing for a node.
static PetscErrorCode RootFunction(void *ctx, int s, int *f)
{
  const Root   *r    = (const Root *)ctx;
  const Binding here = {r->name, s};

  PetscFunctionBeginUser;
  r->p->position = r->begin;
  r->p->bound    = &here;
  PetscCall(ParseExpression(r->p, f));
  r->p->bound = NULL;
  if (r->p->failed) PetscCall(SnaTreeAddConstant(r->p->tree, 0, f));
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseRoot(Parser *p, int begin, int *node)
{
  static const char usage[] =
    "`root` is written root(s, f, lo, hi): the s between lo and hi where f is zero, s a new name";
  const SnaSymbols *symbols = p->tree->symbols;
  char              name[128];
  Root              r = {p, name, 0};
  int               zero, lo, hi, ignored, end;

  PetscFunctionBeginUser;
  if (!Accept(p, '(') || !IsNameStart(Peek(p))) {
    Fail(p, begin, "%s", usage);
    PetscFunctionReturn(0);
  }
  if (!ReadName(p, name)) PetscFunctionReturn(0);
  if (FindName(name, symbols->nvar, symbols->var) >= 0 || FindName(name, symbols->nconst, symbols->constant) >= 0 ||
      SnaNameIsReserved(name) || (p->unknown && !strcmp(name, p->unknown))) {
    Fail(p, begin, "`%s` has a meaning already; %s", name, usage);
    PetscFunctionReturn(0);
  }
  if (p->bound) {
    Fail(p, begin, "a root inside a root is not available");
    PetscFunctionReturn(0);
  }
  if (!Accept(p, ',')) {
    Fail(p, begin, "%s", usage);
    PetscFunctionReturn(0);
  }
  r.begin = p->position;
  PetscCall(SnaTreeAddConstant(p->tree, 0, &zero));
  PetscCall(RootFunction(&r, zero, &ignored)); // to find where it ends
  if (p->failed) PetscFunctionReturn(0);
  if (Accept(p, ',')) PetscCall(ParseExpression(p, &lo));
  if (!p->failed && Accept(p, ',')) {
    PetscCall(ParseExpression(p, &hi));
    if (!p->failed && Accept(p, ')')) {
      end = p->position;
      PetscCall(SnaTreeAddRoot(p->tree, RootFunction, &r, lo, hi, node));
      p->position                = end;
      p->tree->node[*node].begin = begin;
      p->tree->node[*node].end   = end;
      PetscFunctionReturn(0);
    }
  }
  Fail(p, begin, "%s", usage);
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseName(Parser *p, int *node)
{
  const SnaSymbols *symbols = p->tree->symbols;
  const int         begin   = p->position;
  char              name[128];
  int               variable, constant, function, end;
  PetscBool         call;

  PetscFunctionBeginUser;
  if (!ReadName(p, name)) PetscFunctionReturn(0);
  end      = p->position;
  call     = Peek(p) == '(' ? PETSC_TRUE : PETSC_FALSE;
  variable = FindName(name, symbols->nvar, symbols->var);
  constant = FindName(name, symbols->nconst, symbols->constant);
  function = FindFunction(name);
  if (variable >= 0 || constant >= 0 || !strcmp(name, "pi")) {
    if (call) {
      Fail(p, begin, "`%s` is a %s, not a function; products are written with `*`", name,
        variable >= 0 ? "variable" : "constant");
      PetscFunctionReturn(0);
    }
    if (variable >= 0) {
      PetscCall(SnaTreeNewNode(p->tree, SNA_OP_VARIABLE, node));
      p->tree->node[*node].variable = variable;
      p->tree->node[*node].mask     = (uint32_t)1 << variable;
    } else {
      PetscCall(SnaTreeAddConstant(p->tree, constant >= 0 ? symbols->value[constant] : PETSC_PI, node));
    }
    p->tree->node[*node].begin = begin;
    p->tree->node[*node].end   = end;
  } else if (function >= 0) {
    PetscCall(ParseCall(p, begin, function, node));
  } else if (p->bound && !strcmp(name, p->bound->name)) {
    *node = p->bound->node;
  } else if (!strcmp(name, "root")) {
    PetscCall(ParseRoot(p, begin, node));
  } else if (!strcmp(name, "d")) {
    PetscCall(ParseDerivative(p, begin, node));
  } else if (p->unknown && !strcmp(name, p->unknown)) {
    if (!p->derivatives)
      Fail(p, begin, "`%s` is the unknown; it may stand only in the terms of the equation", name);
    else if (call)
      Fail(p, begin, "`%s` is the unknown, not a function; write `%s` alone, and products with `*`", name, name);
    if (p->failed) PetscFunctionReturn(0);
    PetscCall(SnaTreeNewNode(p->tree, SNA_OP_UNKNOWN, node));
    p->tree->node[*node].has_unknown = PETSC_TRUE;
    p->tree->node[*node].begin       = begin;
    p->tree->node[*node].end         = end;
  } else {
    PetscCall(FailUnknownName(p, begin, name, call));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ParsePrimary(Parser *p, int *node)
{
  const char c     = Peek(p);
  const int  begin = p->position;

  PetscFunctionBeginUser;
  if (isdigit((unsigned char)c) || c == '.') {
    PetscCall(ParseNumber(p, node));
  } else if (IsNameStart(c)) {
    PetscCall(ParseName(p, node));
  } else if (c == '(') {
    p->position++;
    PetscCall(ParseExpression(p, node));
    if (p->failed) PetscFunctionReturn(0);
    if (!Accept(p, ')')) {
      FailOperator(p, begin);
      PetscFunctionReturn(0);
    }
    p->tree->node[*node].begin = begin;
    p->tree->node[*node].end   = p->position;
  } else {
    FailOperand(p);
  }
  PetscFunctionReturn(0);
}

// Signs bind less than ^ on their right and more than * and /: -x^2 = -(x^2), 2^-x = 2^(-x).
static PetscErrorCode ParseUnary(Parser *p, int *node)
{
  PetscBool negative = PETSC_FALSE;
  int       begin;

  PetscFunctionBeginUser;
  Peek(p);
  begin = p->position;
  for (char c = Peek(p); c == '-' || c == '+'; c = Peek(p)) {
    if (c == '-') negative = !negative;
    p->position++;
  }
  PetscCall(ParsePrimary(p, node));
  if (p->failed) PetscFunctionReturn(0);
  if (Accept(p, '^')) {
    int exponent;

    if (!Enter(p)) PetscFunctionReturn(0);
    PetscCall(ParseUnary(p, &exponent));
    if (p->failed) PetscFunctionReturn(0);
    p->nesting--;
    PetscCall(SnaTreeAdd(p->tree, SNA_OP_POW, *node, exponent, -1, node));
  }
  if (negative) {
    PetscCall(SnaTreeAdd(p->tree, SNA_OP_NEG, *node, -1, -1, node));
    p->tree->node[*node].begin = begin;
  }
  PetscFunctionReturn(0);
}

// The binary operator at the current position: its precedence (0: none), code and length.
static int PeekBinary(Parser *p, SnaOp *op, int *length)
{
  static const struct {
    const char *text;
    int         precedence;
    SnaOp       op;
  } table[] = {
    {"||", 1, SNA_OP_OR},
    {"&&", 2, SNA_OP_AND},
    {"==", 3, SNA_OP_EQ},
    {"!=", 3, SNA_OP_NE},
    {"<=", 3, SNA_OP_LE},
    {">=", 3, SNA_OP_GE},
    {"<", 3, SNA_OP_LT},
    {">", 3, SNA_OP_GT},
    {"+", 4, SNA_OP_ADD},
    {"-", 4, SNA_OP_SUB},
    {"*", 5, SNA_OP_MUL},
    {"/", 5, SNA_OP_DIV},
  };

  Peek(p);
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    const size_t n = strlen(table[i].text);

    if (!strncmp(p->tree->text + p->position, table[i].text, n)) {
      *op     = table[i].op;
      *length = (int)n;
      return table[i].precedence;
    }
  }
  return 0;
}

static PetscErrorCode ParseBinary(Parser *p, int lowest, int *node)
{
  const int comparison = 3;

  PetscFunctionBeginUser;
  PetscCall(ParseUnary(p, node));
  while (!p->failed) {
    SnaOp     op;
    int       length, right;
    const int precedence = PeekBinary(p, &op, &length);

    if (precedence < PetscMax(lowest, 1)) break;
    if (FailCharacter(p)) break;
    p->position += length;
    PetscCall(ParseBinary(p, precedence + 1, &right));
    if (p->failed) break;
    PetscCall(SnaTreeAdd(p->tree, op, *node, right, -1, node));
    // 0 < x < 1 would compare a truth value with 1
    if (precedence == comparison && PeekBinary(p, &op, &length) == comparison)
      Fail(p, p->position, "comparisons cannot be chained; write a < b && b < c, or use parentheses");
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ParseExpression(Parser *p, int *node)
{
  int yes, no;

  PetscFunctionBeginUser;
  if (!Enter(p)) PetscFunctionReturn(0);
  PetscCall(ParseBinary(p, 1, node));
  if (p->failed) PetscFunctionReturn(0);
  if (Accept(p, '?')) {
    PetscCall(ParseExpression(p, &yes));
    if (p->failed) PetscFunctionReturn(0);
    if (!Accept(p, ':')) {
      Fail(p, p->position, "`:` is expected: condition ? value : other value");
      PetscFunctionReturn(0);
    }
    PetscCall(ParseExpression(p, &no));
    if (p->failed) PetscFunctionReturn(0);
    PetscCall(SnaTreeAdd(p->tree, SNA_OP_SELECT, *node, yes, no, node));
  }
  p->nesting--;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTreeParse(SnaTree *tree, const char text[], const SnaSymbols *symbols, PetscBool derivatives,
  const char unknown[], int *root, char message[SNA_MAX_MESSAGE])
{
  Parser parser = {.tree = tree, .derivatives = derivatives, .unknown = unknown, .message = message};

  PetscFunctionBeginUser;
  PetscCheck(symbols->nvar >= 0 && symbols->nvar <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%d variables; at most %d", symbols->nvar, SNA_MAX_DIM);
  *tree      = (SnaTree){.text = text, .symbols = symbols};
  *root      = -1;
  message[0] = 0;
  if (strlen(text) > MAX_TEXT) {
    Fail(&parser, MAX_TEXT, "the formula is longer than %d characters", MAX_TEXT);
  } else if (!Peek(&parser)) {
    Fail(&parser, 0, "the formula is empty");
  } else {
    PetscCall(ParseExpression(&parser, root));
    if (!parser.failed && Peek(&parser)) FailOperator(&parser, 0);
  }
  if (parser.failed) *root = -1;
  PetscFunctionReturn(0);
}
