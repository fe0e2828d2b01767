// term.c - product terms: a formula taken apart into a coefficient, one factor per variable, and derivatives of the
// unknown.
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
  double numerator, denominator; // the coefficient; kept apart so that 2*x/3 has 2/3 exactly rounded
  int    over[SNA_MAX_DIM];      // node of the factor above the line, -1: none
  int    under[SNA_MAX_DIM];     // below the line
  int    derivative[SNA_MAX_DIM];
} Product;

typedef struct {
  int      n;
  Product *product;
} Sum;

typedef struct {
  SnaTree  *tree;
  int       max;  // products in a sum
  PetscBool sums; // sums may be multiplied out
  PetscBool failed;
  char     *message;
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

// d(...) anywhere but as a factor.
static void FailDerivative(Splitter *s, int id)
{
  const SnaTree *tree  = s->tree;
  int            inner = id, pieces;
  char           quote[QUOTE_LENGTH], derivative[QUOTE_LENGTH];

  while (tree->node[inner].op != SNA_OP_DERIVATIVE) {
    for (int k = 2; k >= 0; k--) {
      const int child = tree->node[inner].child[k];

      if (child >= 0 && tree->node[child].has_derivative) {
        inner = child;
        break;
      }
    }
  }
  Quote(tree, inner, derivative);
  if (IsSum(&tree->node[id])) {
    Fail(s, "`%s` is a sum, but a term is one product; write ", Quote(tree, id, quote));
    AppendPieces(s->message, tree, id, &pieces);
    Append(s->message, " as %s terms", pieces == 2 ? "two" : "separate");
  } else if (tree->node[id].op == SNA_OP_POW) {
    Fail(s, "`%s` is a power of a derivative; the second derivative is d(%s,2)", Quote(tree, id, quote),
      tree->symbols->var[tree->node[inner].variable]);
  } else {
    Fail(s, "`%s` stands inside `%s`; a derivative acts on the unknown and may only be a factor of the whole product",
      derivative, Quote(tree, id, quote));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic of products and of sums of products
// ---------------------------------------------------------------------------------------------------------------------
static Product One(void)
{
  Product one = {.numerator = 1, .denominator = 1};

  for (int v = 0; v < SNA_MAX_DIM; v++) one.over[v] = one.under[v] = -1;
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
    if (more && node.op == SNA_OP_DIV && s->tree->node[right].has_derivative) {
      char quote[QUOTE_LENGTH];

      Fail(s, "a derivative stands in the denominator `%s`; it may only be a factor of the whole product",
        Quote(s->tree, right, quote));
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
  } else if (node.op == SNA_OP_MUL || node.op == SNA_OP_DIV) {
    PetscCall(SplitProduct(s, id, sum));
  } else if (node.op == SNA_OP_NEG) {
    PetscCall(SumDestroy(sum));
    PetscCall(Split(s, node.child[0], sum));
    for (int i = 0; i < sum->n; i++) sum->product[i].numerator *= -1;
  } else if (node.has_derivative) {
    FailDerivative(s, id);
  } else if (variables == 1) {
    if (node.nonfinite >= 0)
      Fail(s, "`%s` in the factor `%s` is not a finite number", Quote(s->tree, node.nonfinite, inner),
        Quote(s->tree, id, quote));
    for (int v = 0; v < SNA_MAX_DIM; v++)
      if (node.mask >> v & 1) sum->product[0].over[v] = id;
  } else if (IsSum(&node) && s->sums) {
    PetscCall(SplitSum(s, id, sum));
  } else if (node.op == SNA_OP_POW && s->tree->node[node.child[1]].op == SNA_OP_CONST &&
             SnaSmallInteger(s->tree->node[node.child[1]].value, &power) &&
             (s->sums || !IsSum(&s->tree->node[node.child[0]]))) {
    PetscCall(SumDestroy(sum));
    PetscCall(Split(s, node.child[0], sum));
    if (!s->failed) PetscCall(SumPower(s, node.child[0], power, sum));
  } else {
    FailInseparable(s, id);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode TermFromProduct(Splitter *s, const Product *product, SnaTerm *term)
{
  PetscFunctionBeginUser;
  memset(term, 0, sizeof(*term));
  term->coefficient = product->numerator / product->denominator;
  if (!isfinite(term->coefficient)) {
    Fail(s, "the product of the numbers is not finite");
    PetscFunctionReturn(0);
  }
  for (int v = 0; v < SNA_MAX_DIM; v++) {
    int factor = product->over[v];

    if (product->under[v] >= 0) {
      if (factor < 0) PetscCall(SnaTreeAddConstant(s->tree, 1, &factor));
      PetscCall(SnaTreeAdd(s->tree, SNA_OP_DIV, factor, product->under[v], -1, &factor));
    }
    if (factor >= 0) PetscCall(SnaExprFromNode(s->tree, factor, &term->factor[v]));
    term->derivative[v] = product->derivative[v];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTermDestroy(SnaTerm *term)
{
  PetscFunctionBeginUser;
  for (int v = 0; v < SNA_MAX_DIM; v++) PetscCall(SnaExprDestroy(&term->factor[v]));
  memset(term, 0, sizeof(*term));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTermCreate(const char text[], const SnaSymbols *symbols, PetscBool derivatives, SnaTerm *term,
  PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  SnaTree  tree;
  Splitter s = {.tree = &tree, .max = 1, .message = message};
  Sum      sum;
  int      root;

  PetscFunctionBeginUser;
  memset(term, 0, sizeof(*term));
  *ok = PETSC_FALSE;
  PetscCall(SnaTreeParse(&tree, text, symbols, derivatives, &root, message));
  if (root >= 0) {
    if (IsSum(&tree.node[root]) && (tree.node[root].has_derivative || CountVariables(tree.node[root].mask) > 1)) {
      int pieces;

      Fail(&s, "a term is one product; write ");
      AppendPieces(message, &tree, root, &pieces);
      Append(message, " as %s terms", pieces == 2 ? "two" : "separate");
    } else {
      PetscCall(Split(&s, root, &sum));
      if (!s.failed) PetscCall(TermFromProduct(&s, &sum.product[0], term));
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
  PetscCall(SnaTreeParse(&tree, text, symbols, PETSC_FALSE, &root, message));
  if (root >= 0) {
    PetscCall(Split(&s, root, &sum));
    for (int i = 0; i < sum.n && !s.failed; i++) {
      PetscCall(TermFromProduct(&s, &sum.product[i], &terms[i]));
      if (!s.failed) *n = i + 1;
    }
    if (s.failed)
      while (*n) PetscCall(SnaTermDestroy(&terms[--*n]));
    PetscCall(SumDestroy(&sum));
  }
  PetscCall(SnaTreeDestroy(&tree));
  PetscFunctionReturn(0);
}
