// term.c - product terms: a formula taken apart into a coefficient, one factor per variable, and derivatives of the
// unknown (plain, conservative and nonlinear terms: sna/base.h).
//
// Works on the syntax tree. Products, quotients, signs and integer powers of products are opened; a subtree in one
// variable is a factor; anything else is not separable (a sum in several variables is multiplied out only for
// SnaTermsFromSum). No functional equations are used: exp(x+y) is not taken apart, the message tells how to write it.
#include "expr_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_LENGTH 64

typedef struct {
  double numerator, denominator;  // the coefficient; kept apart so that 2*x/3 has 2/3 exactly rounded
  int    over[SNA_MAX_DIM];       // node of the factor above the line, -1: none
  int    under[SNA_MAX_DIM];      // below the line
  int    derivative[SNA_MAX_DIM]; // of d(x), or below the parentheses of d(x)( ... )
  int    outer[SNA_MAX_DIM];      // d(x)( ... ), with its factors
  int    inner_over[SNA_MAX_DIM], inner_under[SNA_MAX_DIM];
  int    implicit; // d(x) occurs
  int    applied;  // 1 + the direction of d(x)( ... ), 0: there is none
  int    power;    // times that the unknown is named; the first SNA_MAX_POWER of them
  int    of[SNA_MAX_POWER][SNA_MAX_DIM];
} Product;

typedef struct {
  int      n;
  Product *product;
} Sum;

typedef struct {
  SnaTree    *tree;
  int         max;  // products in a sum
  PetscBool   sums; // sums may be multiplied out
  const char *unknown;
  PetscBool   failed;
  char       *message;
} Splitter;

static PetscErrorCode Split(Splitter *s, int id, Sum *sum);

// The last message wins: products are walked from right to left, so the user reads about the leftmost trouble.
static void Fail(Splitter *s, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
static void Fail(Splitter *s, const char format[], ...)
{
  va_list list;

  va_start(list, format);
  vsnprintf(s->message, SNA_MAX_MESSAGE, format, list);
  va_end(list);
  s->failed = PETSC_TRUE;
}

// The text of a node, shortened.
static const char *Quote(const SnaTree *tree, int id, char quote[QUOTE_LENGTH])
{
  const SnaNode *node   = &tree->node[id];
  const int      length = node->end - node->begin;

  if (length < QUOTE_LENGTH)
    snprintf(quote, QUOTE_LENGTH, "%.*s", length, tree->text + node->begin);
  else
    snprintf(quote, QUOTE_LENGTH, "%.*s...", QUOTE_LENGTH - 4, tree->text + node->begin);
  return quote;
}

static int CountVariables(uint32_t mask)
{
  int count = 0;

  for (; mask; mask &= mask - 1) count++;
  return count;
}

// Appends to a text of SNA_MAX_MESSAGE characters; what does not fit is left out.
static void Append(char text[], const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
static void Append(char text[], const char format[], ...)
{
  const size_t used = strlen(text);
  va_list      list;

  va_start(list, format);
  vsnprintf(text + used, SNA_MAX_MESSAGE - used, format, list);
  va_end(list);
}

// "x, y and t"
static void AppendVariables(char text[], const SnaTree *tree, uint32_t mask)
{
  for (int v = 0; v < tree->symbols->nvar; v++) {
    if (!(mask >> v & 1)) continue;
    mask &= ~((uint32_t)1 << v);
    Append(text, "%s%s", tree->symbols->var[v], !mask ? "" : CountVariables(mask) == 1 ? " and " : ", ");
  }
}

// d(x) or the unknown stands below.
static PetscBool HasUnknown(const SnaNode *node)
{
  return (node->has_derivative || node->has_unknown) ? PETSC_TRUE : PETSC_FALSE;
}

static PetscBool IsSum(const SnaNode *node)
{
  return (node->op == SNA_OP_ADD || node->op == SNA_OP_SUB) ? PETSC_TRUE : PETSC_FALSE;
}

// "`a`, `-b` and `c`" for a sum a - b + c, the first few.
static void AppendPieces(char text[], const SnaTree *tree, int id, int *count)
{
  enum { SHOWN = 4 };
  int  piece[SHOWN], negative[SHOWN], first = id;
  char quote[QUOTE_LENGTH];

  *count = 1;
  while (IsSum(&tree->node[first])) {
    (*count)++;
    first = tree->node[first].child[0];
  }
  // the spine runs from the last piece to the first
  for (int k = *count - 1; k >= 0; k--) {
    const PetscBool inner = k > 0 ? PETSC_TRUE : PETSC_FALSE;

    if (k < SHOWN) {
      piece[k]    = inner ? tree->node[id].child[1] : id;
      negative[k] = inner && tree->node[id].op == SNA_OP_SUB;
    }
    if (inner) id = tree->node[id].child[0];
  }
  for (int k = 0; k < PetscMin(*count, SHOWN); k++) {
    if (k > 0) Append(text, k == *count - 1 ? " and " : ", ");
    Append(text, "`%s%s`", negative[k] ? "-" : "", Quote(tree, piece[k], quote));
  }
  if (*count > SHOWN) Append(text, ", ...");
}

static void FailInseparable(Splitter *s, int id)
{
  const SnaTree *tree = s->tree;
  const SnaNode *node = &tree->node[id];
  char           quote[QUOTE_LENGTH];

  Fail(s, "factor `%s` depends on ", Quote(tree, id, quote));
  AppendVariables(s->message, tree, node->mask);
  Append(s->message, "; every factor of a product term may use one direction only");
  if (node->op == SNA_OP_EXP) {
    int below = node->child[0];

    while (tree->node[below].op == SNA_OP_NEG || tree->node[below].op == SNA_OP_DIV) below = tree->node[below].child[0];
    if (IsSum(&tree->node[below])) Append(s->message, " (write exp(a + b) as exp(a)*exp(b))");
  } else if (IsSum(node)) {
    Append(s->message, " (multiply out and write one term for each part of the sum)");
  }
}

// d(...) or the unknown anywhere but as a factor.
static void FailUnknown(Splitter *s, int id)
{
  const SnaTree *tree  = s->tree;
  int            inner = id, pieces;
  char           quote[QUOTE_LENGTH], leaf[QUOTE_LENGTH];

  while (tree->node[inner].op != SNA_OP_DERIVATIVE && tree->node[inner].op != SNA_OP_UNKNOWN &&
         tree->node[inner].op != SNA_OP_APPLY) {
    for (int k = 2; k >= 0; k--) {
      const int child = tree->node[inner].child[k];

      if (child >= 0 && HasUnknown(&tree->node[child])) {
        inner = child;
        break;
      }
    }
  }
  Quote(tree, inner, leaf);
  Quote(tree, id, quote);
  if (IsSum(&tree->node[id])) {
    Fail(s, "`%s` is a sum, but a term is one product; write ", quote);
    AppendPieces(s->message, tree, id, &pieces);
    Append(s->message, " as %s terms", pieces == 2 ? "two" : "separate");
    if (tree->node[id].has_unknown) Append(s->message, ", multiplied out");
  } else if (tree->node[inner].op == SNA_OP_UNKNOWN) {
    Fail(s,
      "`%s` stands inside `%s`; terms must be polynomial in `%s`: products of factors and up to %d times %s or "
      "d(%s,...)",
      leaf, quote, s->unknown, SNA_MAX_POWER, s->unknown, s->unknown);
  } else if (tree->node[id].op == SNA_OP_POW && tree->node[inner].op == SNA_OP_DERIVATIVE) {
    Fail(s, "`%s` is a power of a derivative; the second derivative is d(%s,2)", quote,
      tree->symbols->var[tree->node[inner].variable]);
  } else {
    Fail(s, "`%s` stands inside `%s`; a derivative acts on the unknown and may only be a factor of the whole product",
      leaf, quote);
  }
}

static void FailDegree(Splitter *s, double power)
{
  Fail(s, "`%s` occurs %g times in one term; at most %d", s->unknown, power, SNA_MAX_POWER);
}

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic of products and of sums of products
// ---------------------------------------------------------------------------------------------------------------------
static Product One(void)
{
  Product one = {.numerator = 1, .denominator = 1};

  for (int v = 0; v < SNA_MAX_DIM; v++) one.over[v] = one.under[v] = one.inner_over[v] = one.inner_under[v] = -1;
  return one;
}

static PetscErrorCode SumCreate(int n, Sum *sum)
{
  PetscFunctionBeginUser;
  sum->n = n;
  PetscCall(PetscMalloc1(PetscMax(n, 1), &sum->product));
  PetscFunctionReturn(0);
}

static PetscErrorCode SumDestroy(Sum *sum)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(sum->product));
  sum->n = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode MultiplyNodes(SnaTree *tree, int a, int b, int *product)
{
  PetscFunctionBeginUser;
  if (a < 0 || b < 0)
    *product = PetscMax(a, b);
  else
    PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, a, b, -1, product));
  PetscFunctionReturn(0);
}

// The unknown in *left and *a: several kinds of it do not go into one term.
static void UnknownMultiply(Splitter *s, const Product *left, Product *a)
{
  const SnaTree *tree    = s->tree;
  const int      applied = left->applied ? left->applied : a->applied, power = left->power + a->power;
  const int      either = left->implicit + a->implicit;
  const char    *x, *u = s->unknown;
  int            v = 0;

  if (applied) {
    const Product *other = left->applied ? a : left;

    x = tree->symbols->var[applied - 1];
    if (other->applied || other->implicit)
      Fail(s, "a term with d(%s)( ... ) has no other derivative outside the parentheses; write it inside", x);
    else if (power)
      Fail(s,
        "a term with d(%s)( ... ) has `%s` only inside the parentheses, once; multiply out what is nonlinear: "
        "%s*d(%s)( d(%s) ) is %s*d(%s,%s,2)",
        x, u, u, x, x, u, u, x);
  } else if (power && either) {
    while (!left->derivative[v] && !a->derivative[v]) v++;
    x = tree->symbols->var[v];
    Fail(s,
      "the term names `%s` and has d(%s) without a name; write %s*d(%s,%s) for the product of both, d(%s) alone for a "
      "derivative of `%s`",
      u, x, u, u, x, x, u);
  } else if (power > SNA_MAX_POWER) {
    FailDegree(s, power);
  }
  if (left->power) {
    for (int i = SNA_MAX_POWER - 1; i >= left->power; i--) memcpy(a->of[i], a->of[i - left->power], sizeof(a->of[i]));
    memcpy(a->of, left->of, (size_t)PetscMin(left->power, SNA_MAX_POWER) * sizeof(a->of[0]));
  }
  if (left->applied) {
    memcpy(a->outer, left->outer, sizeof(a->outer));
    memcpy(a->inner_over, left->inner_over, sizeof(a->inner_over));
    memcpy(a->inner_under, left->inner_under, sizeof(a->inner_under));
  }
  a->power    = power;
  a->implicit = either > 0;
  a->applied  = applied;
}

// *a = *left * *a, where a stood right of left in the text.
static PetscErrorCode ProductMultiply(Splitter *s, const Product *left, Product *a)
{
  PetscFunctionBeginUser;
  a->numerator *= left->numerator;
  a->denominator *= left->denominator;
  for (int v = 0; v < SNA_MAX_DIM; v++) {
    PetscCall(MultiplyNodes(s->tree, left->over[v], a->over[v], &a->over[v]));
    PetscCall(MultiplyNodes(s->tree, left->under[v], a->under[v], &a->under[v]));
    a->derivative[v] += left->derivative[v];
    if (a->derivative[v] > SNA_MAX_DERIVATIVE)
      Fail(s, "the derivatives in %s are of order %d in all; at most %d", s->tree->symbols->var[v], a->derivative[v],
        SNA_MAX_DERIVATIVE);
  }
  UnknownMultiply(s, left, a);
  PetscFunctionReturn(0);
}

static void ProductInvert(Product *a)
{
  const Product old = *a;

  a->numerator   = old.denominator;
  a->denominator = old.numerator;
  memcpy(a->over, old.under, sizeof(old.over));
  memcpy(a->under, old.over, sizeof(old.under));
}

// Multiplies *right by left from the left, all products with all.
static PetscErrorCode SumMultiply(Splitter *s, const Sum *left, Sum *right)
{
  Sum result;

  PetscFunctionBeginUser;
  if ((PetscInt64)left->n * right->n > s->max) {
    Fail(s, "more than %d products", s->max);
    PetscFunctionReturn(0);
  }
  PetscCall(SumCreate(left->n * right->n, &result));
  for (int i = 0; i < left->n && !s->failed; i++) {
    for (int j = 0; j < right->n && !s->failed; j++) {
      Product *product = &result.product[i * right->n + j];

      *product = right->product[j];
      PetscCall(ProductMultiply(s, &left->product[i], product));
    }
  }
  PetscCall(SumDestroy(right));
  *right = result;
  PetscFunctionReturn(0);
}

// Puts left in front of *right.
static PetscErrorCode SumAdd(Splitter *s, const Sum *left, Sum *right)
{
  Sum result;

  PetscFunctionBeginUser;
  if (left->n + right->n > s->max) {
    Fail(s, "more than %d products", s->max);
    PetscFunctionReturn(0);
  }
  PetscCall(SumCreate(left->n + right->n, &result));
  memcpy(result.product, left->product, (size_t)left->n * sizeof(Product));
  memcpy(result.product + left->n, right->product, (size_t)right->n * sizeof(Product));
  PetscCall(SumDestroy(right));
  *right = result;
  PetscFunctionReturn(0);
}

static PetscErrorCode SumInvert(Splitter *s, int id, Sum *sum)
{
  char quote[QUOTE_LENGTH];

  PetscFunctionBeginUser;
  if (sum->n != 1) {
    Fail(s, "a sum stands in the denominator `%s`", Quote(s->tree, id, quote));
  } else if (sum->product[0].numerator == 0) {
    Fail(s, "division by zero: the denominator `%s` is 0", Quote(s->tree, id, quote));
  } else {
    ProductInvert(&sum->product[0]);
  }
  PetscFunctionReturn(0);
}

// sum = base^power of the single product in it, or by repeated multiplication.
static PetscErrorCode SumPower(Splitter *s, int id, int power, Sum *sum)
{
  Sum result;

  PetscFunctionBeginUser;
  if (power < 0) PetscCall(SumInvert(s, id, sum));
  power = PetscAbsInt(power);
  if (s->failed) PetscFunctionReturn(0);
  if (sum->n == 1) {
    Product *a = &sum->product[0];
    int      exponent;

    if (a->power * power > SNA_MAX_POWER) {
      FailDegree(s, a->power * power);
      PetscFunctionReturn(0);
    }
    for (int i = a->power; i < a->power * power; i++) memcpy(a->of[i], a->of[i - a->power], sizeof(a->of[i]));
    a->power *= power;
    PetscCall(SnaTreeAddConstant(s->tree, power, &exponent));
    a->numerator   = pow(a->numerator, power);
    a->denominator = pow(a->denominator, power);
    for (int v = 0; v < SNA_MAX_DIM; v++) {
      if (a->over[v] >= 0) PetscCall(SnaTreeAdd(s->tree, SNA_OP_POW, a->over[v], exponent, -1, &a->over[v]));
      if (a->under[v] >= 0) PetscCall(SnaTreeAdd(s->tree, SNA_OP_POW, a->under[v], exponent, -1, &a->under[v]));
    }
    PetscFunctionReturn(0);
  }
  PetscCall(SumCreate(1, &result));
  result.product[0] = One();
  for (int k = 0; k < power && !s->failed; k++) PetscCall(SumMultiply(s, sum, &result));
  PetscCall(SumDestroy(sum));
  *sum = result;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Splitting
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SplitProduct(Splitter *s, int id, Sum *sum)
{
  Sum factor;

  PetscFunctionBeginUser;
  // down the left spine a*b/c*... without recursion, however long it is
  for (PetscBool more = PETSC_TRUE; more;) {
    const SnaNode node  = s->tree->node[id];
    const int     right = (node.op == SNA_OP_MUL || node.op == SNA_OP_DIV) ? node.child[1] : id;

    more = right != id ? PETSC_TRUE : PETSC_FALSE;
    if (more && node.op == SNA_OP_DIV && HasUnknown(&s->tree->node[right])) {
      char quote[QUOTE_LENGTH];

      Quote(s->tree, right, quote);
      if (s->tree->node[right].has_unknown)
        Fail(s, "`%s` stands in the denominator `%s`; terms must be polynomial in `%s`", s->unknown, quote, s->unknown);
      else
        Fail(s, "a derivative stands in the denominator `%s`; it may only be a factor of the whole product", quote);
    } else {
      PetscCall(Split(s, right, &factor));
      if (!s->failed && more && node.op == SNA_OP_DIV) PetscCall(SumInvert(s, right, &factor));
      if (!s->failed) PetscCall(SumMultiply(s, &factor, sum));
      PetscCall(SumDestroy(&factor));
    }
    if (more) id = node.child[0];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SplitSum(Splitter *s, int id, Sum *sum)
{
  Sum part;

  PetscFunctionBeginUser;
  sum->n = 0;
  for (PetscBool more = PETSC_TRUE; more && !s->failed;) {
    const SnaNode node  = s->tree->node[id];
    const int     right = IsSum(&node) ? node.child[1] : id;

    more = right != id ? PETSC_TRUE : PETSC_FALSE;
    PetscCall(Split(s, right, &part));
    if (more && node.op == SNA_OP_SUB)
      for (int i = 0; i < part.n; i++) part.product[i].numerator *= -1;
    if (!s->failed) PetscCall(SumAdd(s, &part, sum));
    PetscCall(SumDestroy(&part));
    if (more) id = node.child[0];
  }
  PetscFunctionReturn(0);
}

// d(x)( ... ): factors that d(x) does not touch go outside.
static PetscErrorCode SplitApplied(Splitter *s, const SnaNode *node, Sum *sum)
{
  const SnaNode outer = s->tree->node[node->child[0]];
  const int     d     = outer.variable;
  const char   *x = s->tree->symbols->var[d], *u = s->unknown;
  Product      *a;

  PetscFunctionBeginUser;
  PetscCall(Split(s, node->child[1], sum));
  if (s->failed) PetscFunctionReturn(0);
  a = &sum->product[0];
  if (a->power > 1) {
    Fail(s, "d(%s)( ... ) is linear in `%s`; multiply out what is nonlinear: d(%s)( %s^2 ) is 2*%s*d(%s,%s)", x, u, x,
      u, u, u, x);
    PetscFunctionReturn(0);
  }
  if (a->power == 1) memcpy(a->derivative, a->of[0], sizeof(a->derivative));
  if (a->derivative[d] + outer.order > SNA_MAX_DERIVATIVE)
    Fail(s, "the derivatives in %s are of order %d in all; at most %d", x, a->derivative[d] + outer.order,
      SNA_MAX_DERIVATIVE);
  a->power          = 0;
  a->implicit       = 0;
  a->applied        = 1 + d;
  a->outer[d]       = outer.order;
  a->inner_over[d]  = a->over[d];
  a->inner_under[d] = a->under[d];
  a->over[d] = a->under[d] = -1;
  PetscFunctionReturn(0);
}

// The exponent of a power that can be opened: an integer; of the unknown, from 1 to SNA_MAX_POWER.
static PetscBool OpensPower(Splitter *s, const SnaNode *node, int *power)
{
  const SnaNode *base = &s->tree->node[node->child[0]], *exponent = &s->tree->node[node->child[1]];

  if (exponent->op != SNA_OP_CONST || !SnaSmallInteger(exponent->value, power)) return PETSC_FALSE;
  if (base->has_unknown) return *power >= 1 ? PETSC_TRUE : PETSC_FALSE;
  if (base->has_derivative) return PETSC_FALSE;
  return s->sums || !IsSum(base) ? PETSC_TRUE : PETSC_FALSE;
}

// Creates *sum, to be destroyed by the caller; s->failed tells whether it means anything.
static PetscErrorCode Split(Splitter *s, int id, Sum *sum)
{
  const SnaNode node      = s->tree->node[id]; // a copy: the array moves when nodes are added
  const int     variables = CountVariables(node.mask);
  int           power;
  char          quote[QUOTE_LENGTH], inner[QUOTE_LENGTH];

  PetscFunctionBeginUser;
  PetscCall(SumCreate(1, sum));
  sum->product[0] = One();
  if (node.op == SNA_OP_CONST) {
    if (node.nonfinite >= 0) Fail(s, "factor `%s` is not a finite number", Quote(s->tree, id, quote));
    sum->product[0].numerator = node.value;
  } else if (node.op == SNA_OP_DERIVATIVE) {
    sum->product[0].derivative[node.variable] = node.order;
    sum->product[0].implicit                  = 1;
  } else if (node.op == SNA_OP_UNKNOWN) {
    sum->product[0].of[0][node.variable] = node.order;
    sum->product[0].power                = 1;
  } else if (node.op == SNA_OP_APPLY) {
    PetscCall(SumDestroy(sum));
    PetscCall(SplitApplied(s, &node, sum));
  } else if (node.op == SNA_OP_MUL || node.op == SNA_OP_DIV) {
    PetscCall(SplitProduct(s, id, sum));
  } else if (node.op == SNA_OP_NEG) {
    PetscCall(SumDestroy(sum));
    PetscCall(Split(s, node.child[0], sum));
    for (int i = 0; i < sum->n; i++) sum->product[i].numerator *= -1;
  } else if (HasUnknown(&node) && !(node.op == SNA_OP_POW && OpensPower(s, &node, &power))) {
    FailUnknown(s, id);
  } else if (variables == 1 && !HasUnknown(&node)) {
    if (node.nonfinite >= 0)
      Fail(s, "`%s` in the factor `%s` is not a finite number", Quote(s->tree, node.nonfinite, inner),
        Quote(s->tree, id, quote));
    for (int v = 0; v < SNA_MAX_DIM; v++)
      if (node.mask >> v & 1) sum->product[0].over[v] = id;
  } else if (IsSum(&node) && s->sums) {
    PetscCall(SplitSum(s, id, sum));
  } else if (node.op == SNA_OP_POW && OpensPower(s, &node, &power)) {
    PetscCall(SumDestroy(sum));
    PetscCall(Split(s, node.child[0], sum));
    if (!s->failed && sum->product[0].applied) FailUnknown(s, id);
    if (!s->failed) PetscCall(SumPower(s, node.child[0], power, sum));
  } else {
    FailInseparable(s, id);
  }
  PetscFunctionReturn(0);
}

// over / under as an expression, NULL for 1.
static PetscErrorCode FactorFromNodes(SnaTree *tree, int over, int under, SnaExpr *factor)
{
  PetscFunctionBeginUser;
  if (under >= 0) {
    if (over < 0) PetscCall(SnaTreeAddConstant(tree, 1, &over));
    PetscCall(SnaTreeAdd(tree, SNA_OP_DIV, over, under, -1, &over));
  }
  if (over >= 0) PetscCall(SnaExprFromNode(tree, over, factor));
  PetscFunctionReturn(0);
}

// equation: a term of the equation, which acts on the unknown whether it says so or not.
static PetscErrorCode TermFromProduct(Splitter *s, const Product *product, PetscBool equation, SnaTerm *term)
{
  PetscFunctionBeginUser;
  memset(term, 0, sizeof(*term));
  term->coefficient = product->numerator / product->denominator;
  if (!isfinite(term->coefficient)) {
    Fail(s, "the product of the numbers is not finite");
    PetscFunctionReturn(0);
  }
  for (int v = 0; v < SNA_MAX_DIM; v++) {
    PetscCall(FactorFromNodes(s->tree, product->over[v], product->under[v], &term->factor[v]));
    PetscCall(FactorFromNodes(s->tree, product->inner_over[v], product->inner_under[v], &term->inner[v]));
  }
  memcpy(term->outer, product->outer, sizeof(term->outer));
  term->power = equation ? PetscMax(product->power, 1) : 0;
  if (product->power > 1) {
    memcpy(term->of, product->of, sizeof(term->of));
  } else {
    memcpy(term->derivative, product->power ? product->of[0] : product->derivative, sizeof(term->derivative));
    if (equation) memcpy(term->of[0], term->derivative, sizeof(term->derivative));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTermDestroy(SnaTerm *term)
{
  PetscFunctionBeginUser;
  for (int v = 0; v < SNA_MAX_DIM; v++) {
    PetscCall(SnaExprDestroy(&term->factor[v]));
    PetscCall(SnaExprDestroy(&term->inner[v]));
  }
  memset(term, 0, sizeof(*term));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTermCreate(const char text[], const SnaSymbols *symbols, PetscBool derivatives, const char unknown[],
  SnaTerm *term, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  SnaTree  tree;
  Splitter s = {.tree = &tree, .max = 1, .unknown = unknown, .message = message};
  Sum      sum;
  int      root;

  PetscFunctionBeginUser;
  memset(term, 0, sizeof(*term));
  *ok = PETSC_FALSE;
  PetscCall(SnaTreeParse(&tree, text, symbols, derivatives, unknown, &root, message));
  if (root >= 0) {
    if (IsSum(&tree.node[root]) && (HasUnknown(&tree.node[root]) || CountVariables(tree.node[root].mask) > 1)) {
      int pieces;

      Fail(&s, "a term is one product; write ");
      AppendPieces(message, &tree, root, &pieces);
      Append(message, " as %s terms", pieces == 2 ? "two" : "separate");
    } else {
      PetscCall(Split(&s, root, &sum));
      if (!s.failed) PetscCall(TermFromProduct(&s, &sum.product[0], derivatives, term));
      PetscCall(SumDestroy(&sum));
    }
    *ok = s.failed ? PETSC_FALSE : PETSC_TRUE;
  }
  PetscCall(SnaTreeDestroy(&tree));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTermsFromSum(const char text[], const SnaSymbols *symbols, int max, int *n, SnaTerm terms[])
{
  char     message[SNA_MAX_MESSAGE];
  SnaTree  tree;
  Splitter s = {.tree = &tree, .max = max, .sums = PETSC_TRUE, .message = message};
  Sum      sum;
  int      root;

  PetscFunctionBeginUser;
  *n = 0;
  if (max < 1) PetscFunctionReturn(0);
  PetscCall(SnaTreeParse(&tree, text, symbols, PETSC_FALSE, NULL, &root, message));
  if (root >= 0) {
    PetscCall(Split(&s, root, &sum));
    for (int i = 0; i < sum.n && !s.failed; i++) {
      PetscCall(TermFromProduct(&s, &sum.product[i], PETSC_FALSE, &terms[i]));
      if (!s.failed) *n = i + 1;
    }
    if (s.failed)
      while (*n) PetscCall(SnaTermDestroy(&terms[--*n]));
    PetscCall(SumDestroy(&sum));
  }
  PetscCall(SnaTreeDestroy(&tree));
  PetscFunctionReturn(0);
}
