// expr.c - formulas of the deck: the tree, the program made from it, and its evaluation at many points.
//
// Constants are folded as nodes are added; no other algebra is done: 0*x stays a product. The tree becomes a flat list
// of instructions on numbered slots, which run over blocks of SNA_EXPR_BLOCK points: plain loops over the first-level
// cache, without a jump per point. Small integer powers are multiplications.
// Parsing is in expr_parse.c, derivatives in expr_jet.c, the separation into products in term.c.
#include "expr_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SLOTS 16 // slots kept on the call stack; larger programs allocate
#define MAX_POWER   64 // |n| up to which x^n is multiplied out: beyond, rounding errors pass those of pow()

// ---------------------------------------------------------------------------------------------------------------------
// The tree
// ---------------------------------------------------------------------------------------------------------------------
PetscBool SnaSmallInteger(double value, int *power)
{
  if (!(fabs(value) <= MAX_POWER) || value != floor(value)) return PETSC_FALSE;
  *power = (int)value;
  return PETSC_TRUE;
}

PetscErrorCode SnaTreeNewNode(SnaTree *tree, SnaOp op, int *node)
{
  PetscFunctionBeginUser;
  if (tree->n == tree->capacity) {
    tree->capacity = tree->capacity ? 2 * tree->capacity : 32;
    PetscCall(PetscRealloc((size_t)tree->capacity * sizeof(SnaNode), &tree->node));
  }
  *node             = tree->n++;
  tree->node[*node] = (SnaNode){.op = op, .child = {-1, -1, -1}, .nonfinite = -1};
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTreeAddConstant(SnaTree *tree, double value, int *node)
{
  PetscFunctionBeginUser;
  PetscCall(SnaTreeNewNode(tree, SNA_OP_CONST, node));
  tree->node[*node].value     = value;
  tree->node[*node].nonfinite = isfinite(value) ? -1 : *node;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTreeAdd(SnaTree *tree, SnaOp op, int a, int b, int c, int *node)
{
  const int child[3] = {a, b, c};
  double    value[3] = {0, 0, 0};
  PetscBool constant = PETSC_TRUE;
  int       id, last = a;
  SnaNode  *parent;

  PetscFunctionBeginUser;
  PetscCall(SnaTreeNewNode(tree, op, &id));
  parent        = &tree->node[id];
  parent->begin = tree->node[a].begin;
  for (int k = 0; k < 3; k++) {
    if (child[k] < 0) continue;
    const SnaNode *below = &tree->node[child[k]];

    parent->child[k] = child[k];
    parent->mask |= below->mask;
    if (below->has_derivative) parent->has_derivative = PETSC_TRUE;
    if (below->has_unknown) parent->has_unknown = PETSC_TRUE;
    if (below->nonfinite >= 0 && parent->nonfinite < 0) parent->nonfinite = below->nonfinite;
    if (below->op != SNA_OP_CONST) constant = PETSC_FALSE;
    value[k] = below->value;
    last     = child[k];
  }
  parent->end = tree->node[last].end;
  if (constant) {
    const SnaInstruction step = {.op = op};
    double               result;

    SnaInstructionApply(&step, 1, &value[0], &value[1], &value[2], &result);
    parent->op       = SNA_OP_CONST;
    parent->child[0] = parent->child[1] = parent->child[2] = -1;
    parent->value                                          = result;
    parent->nonfinite                                      = isfinite(result) ? -1 : id;
  }
  *node = id;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTreeDestroy(SnaTree *tree)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(tree->node));
  tree->n = tree->capacity = 0;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The program
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const SnaTree *tree;
  SnaExpr        e;
  int           *uses;    // parents left that will read the node
  int           *operand; // where the node's value is
  int           *free_slot, nfree;
} Compiler;

static int NewSlot(Compiler *c)
{
  return c->nfree ? c->free_slot[--c->nfree] : c->e->nslot++;
}

// Operand of a child. Numbers that no instruction takes as `value` are filled into a slot of their own.
static int UseOperand(Compiler *c, int id)
{
  const SnaNode *node = &c->tree->node[id];

  if (node->op == SNA_OP_CONST) {
    const int slot = NewSlot(c);

    c->e->instruction[c->e->n++] = (SnaInstruction){.op = SNA_OP_CONST, .dst = slot, .value = node->value};
    return slot;
  }
  return node->op == SNA_OP_VARIABLE ? -(node->variable + 1) : c->operand[id];
}

static void ReleaseOperand(Compiler *c, int id, int operand)
{
  const PetscBool constant = c->tree->node[id].op == SNA_OP_CONST ? PETSC_TRUE : PETSC_FALSE;

  if (operand >= 0 && (constant || --c->uses[id] == 0)) c->free_slot[c->nfree++] = operand;
}

static PetscBool IsConstant(const SnaTree *tree, int id)
{
  return (id >= 0 && tree->node[id].op == SNA_OP_CONST) ? PETSC_TRUE : PETSC_FALSE;
}

static void CompileNode(Compiler *c, int id)
{
  const SnaTree *tree     = c->tree;
  const SnaNode *node     = &tree->node[id];
  SnaInstruction step     = {.op = node->op, .mask = node->mask};
  int            child[3] = {node->child[0], node->child[1], node->child[2]}, operand[3] = {0, 0, 0};

  // instructions with a number in place of an operand
  if (node->op >= SNA_OP_ADD && node->op <= SNA_OP_DIV) {
    const PetscBool left = IsConstant(tree, child[0]), right = IsConstant(tree, child[1]);

    if (left || right) {
      step.value = tree->node[child[left ? 0 : 1]].value;
      if (node->op == SNA_OP_ADD) step.op = SNA_OP_ADD_CONST;
      if (node->op == SNA_OP_MUL) step.op = SNA_OP_MUL_CONST;
      if (node->op == SNA_OP_SUB) step.op = left ? SNA_OP_CONST_SUB : SNA_OP_ADD_CONST;
      if (node->op == SNA_OP_DIV) step.op = left ? SNA_OP_CONST_DIV : SNA_OP_DIV_CONST;
      if (node->op == SNA_OP_SUB && right) step.value = -step.value;
      if (left) child[0] = child[1];
      child[1] = -1;
    }
  } else if (node->op == SNA_OP_POW && IsConstant(tree, child[1]) &&
             SnaSmallInteger(tree->node[child[1]].value, &step.power)) {
    step.op  = SNA_OP_POW_INTEGER;
    child[1] = -1;
  }
  for (int k = 0; k < 3; k++)
    if (child[k] >= 0) operand[k] = UseOperand(c, child[k]);
  step.a = operand[0];
  step.b = operand[1];
  step.c = operand[2];
  if (child[1] >= 0) step.bmask = tree->node[child[1]].mask;
  step.dst = NewSlot(c); // before the operands are released: results never overlap them
  for (int k = 0; k < 3; k++)
    if (child[k] >= 0) ReleaseOperand(c, child[k], operand[k]);
  c->operand[id]               = step.dst;
  c->e->instruction[c->e->n++] = step;
}

PetscErrorCode SnaExprFromNode(const SnaTree *tree, int root, SnaExpr *e)
{
  const size_t size = (size_t)root + 1, most = 4 * size; // a node adds itself and at most three filled numbers
  Compiler     c = {.tree = tree};

  PetscFunctionBeginUser;
  PetscCheck(root >= 0 && root < tree->n, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "no node %d", root);
  PetscCheck(!tree->node[root].has_derivative && !tree->node[root].has_unknown, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
    "the unknown and d(...) have no value");
  PetscCall(PetscCalloc1(size, &c.uses));
  PetscCall(PetscMalloc1(size, &c.operand));
  PetscCall(PetscMalloc1(most, &c.free_slot));
  PetscCall(PetscNew(&c.e));
  PetscCall(PetscMalloc1(most, &c.e->instruction));
  c.uses[root] = 1;
  for (int id = root; id >= 0; id--)
    for (int k = 0; k < 3; k++)
      if (c.uses[id] && tree->node[id].child[k] >= 0) c.uses[tree->node[id].child[k]]++;
  for (int id = 0; id <= root; id++)
    if (c.uses[id] && tree->node[id].op != SNA_OP_CONST && tree->node[id].op != SNA_OP_VARIABLE) CompileNode(&c, id);
  c.e->result = UseOperand(&c, root);
  c.e->mask   = tree->node[root].mask;
  PetscCall(PetscRealloc((size_t)PetscMax(c.e->n, 1) * sizeof(SnaInstruction), &c.e->instruction));
  PetscCall(PetscFree(c.uses));
  PetscCall(PetscFree(c.operand));
  PetscCall(PetscFree(c.free_slot));
  *e = c.e;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaExprCreate(const char text[], const SnaSymbols *symbols, SnaExpr *e, char message[SNA_MAX_MESSAGE])
{
  SnaTree tree;
  int     root;

  PetscFunctionBeginUser;
  *e = NULL;
  PetscCall(SnaTreeParse(&tree, text, symbols, PETSC_FALSE, NULL, &root, message));
  if (root >= 0) PetscCall(SnaExprFromNode(&tree, root, e));
  PetscCall(SnaTreeDestroy(&tree));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaExprDestroy(SnaExpr *e)
{
  PetscFunctionBeginUser;
  if (!*e) PetscFunctionReturn(0);
  PetscCall(PetscFree((*e)->instruction));
  PetscCall(PetscFree(*e));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaExprGetVariables(SnaExpr e, uint32_t *mask)
{
  PetscFunctionBeginUser;
  *mask = e->mask;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Evaluation
// ---------------------------------------------------------------------------------------------------------------------
// a^power by repeated squaring, 0^0 = 1.
static void PowerInteger(int power, int n, const double *a, double *restrict d)
{
  unsigned count = (unsigned)abs(power);

  if (power == 2) {
    for (int i = 0; i < n; i++) d[i] = a[i] * a[i];
  } else if (power == 3) {
    for (int i = 0; i < n; i++) d[i] = a[i] * a[i] * a[i];
  } else {
    double square[SNA_EXPR_BLOCK];

    for (int i = 0; i < n; i++) d[i] = 1;
    for (int i = 0; i < n; i++) square[i] = a[i];
    for (; count; count >>= 1) {
      if (count & 1)
        for (int i = 0; i < n; i++) d[i] *= square[i];
      if (count > 1)
        for (int i = 0; i < n; i++) square[i] *= square[i];
    }
    if (power < 0)
      for (int i = 0; i < n; i++) d[i] = 1 / d[i];
  }
}

#define LOOP(expression)                                                                                               \
  for (int i = 0; i < n; i++) d[i] = (expression);                                                                     \
  break

void SnaInstructionApply(
  const SnaInstruction *step, int n, const double *a, const double *b, const double *c, double *restrict d)
{
  const double value = step->value;

  switch (step->op) {
  case SNA_OP_CONST:
    LOOP(value);
  case SNA_OP_NEG:
    LOOP(-a[i]);
  case SNA_OP_ADD:
    LOOP(a[i] + b[i]);
  case SNA_OP_SUB:
    LOOP(a[i] - b[i]);
  case SNA_OP_MUL:
    LOOP(a[i] * b[i]);
  case SNA_OP_DIV:
    LOOP(a[i] / b[i]);
  case SNA_OP_ADD_CONST:
    LOOP(a[i] + value);
  case SNA_OP_CONST_SUB:
    LOOP(value - a[i]);
  case SNA_OP_MUL_CONST:
    LOOP(a[i] * value);
  case SNA_OP_DIV_CONST:
    LOOP(a[i] / value);
  case SNA_OP_CONST_DIV:
    LOOP(value / a[i]);
  case SNA_OP_POW_INTEGER:
    PowerInteger(step->power, n, a, d);
    break;
  case SNA_OP_POW:
    LOOP(pow(a[i], b[i]));
  case SNA_OP_EQ:
    LOOP(a[i] == b[i]);
  case SNA_OP_NE:
    LOOP(a[i] != b[i]);
  case SNA_OP_LT:
    LOOP(a[i] < b[i]);
  case SNA_OP_LE:
    LOOP(a[i] <= b[i]);
  case SNA_OP_GT:
    LOOP(a[i] > b[i]);
  case SNA_OP_GE:
    LOOP(a[i] >= b[i]);
  case SNA_OP_AND:
    LOOP(a[i] != 0 && b[i] != 0);
  case SNA_OP_OR:
    LOOP(a[i] != 0 || b[i] != 0);
  case SNA_OP_SELECT:
    LOOP(a[i] != 0 ? b[i] : c[i]);
  case SNA_OP_SIN:
    LOOP(sin(a[i]));
  case SNA_OP_COS:
    LOOP(cos(a[i]));
  case SNA_OP_TAN:
    LOOP(tan(a[i]));
  case SNA_OP_ASIN:
    LOOP(asin(a[i]));
  case SNA_OP_ACOS:
    LOOP(acos(a[i]));
  case SNA_OP_ATAN:
    LOOP(atan(a[i]));
  case SNA_OP_SINH:
    LOOP(sinh(a[i]));
  case SNA_OP_COSH:
    LOOP(cosh(a[i]));
  case SNA_OP_TANH:
    LOOP(tanh(a[i]));
  case SNA_OP_EXP:
    LOOP(exp(a[i]));
  case SNA_OP_LOG:
    LOOP(log(a[i]));
  case SNA_OP_LOG10:
    LOOP(log10(a[i]));
  case SNA_OP_SQRT:
    LOOP(sqrt(a[i]));
  case SNA_OP_CBRT:
    LOOP(cbrt(a[i]));
  case SNA_OP_ABS:
    LOOP(fabs(a[i]));
  case SNA_OP_SIGN:
    LOOP(isnan(a[i]) ? a[i] : (double)((a[i] > 0) - (a[i] < 0)));
  case SNA_OP_ERF:
    LOOP(erf(a[i]));
  case SNA_OP_ERFC:
    LOOP(erfc(a[i]));
  // unlike fmin and fmax these let a NaN through
  case SNA_OP_MIN:
    LOOP((a[i] <= b[i] || isnan(a[i])) ? a[i] : b[i]);
  case SNA_OP_MAX:
    LOOP((a[i] >= b[i] || isnan(a[i])) ? a[i] : b[i]);
  case SNA_OP_ATAN2:
    LOOP(atan2(a[i], b[i]));
  case SNA_OP_VARIABLE:
  case SNA_OP_DERIVATIVE:
  case SNA_OP_UNKNOWN:
  case SNA_OP_APPLY:
    break; // never compiled
  }
}

PetscErrorCode SnaExprEvaluate(SnaExpr e, PetscInt n, const double *const x[], double out[])
{
  double  stack[STACK_SLOTS * SNA_EXPR_BLOCK];
  double *slot = stack;

  PetscFunctionBeginUser;
  for (int v = 0; v < SNA_MAX_DIM; v++)
    PetscCheck(
      !(e->mask >> v & 1) || n == 0 || x[v], PETSC_COMM_SELF, PETSC_ERR_ARG_NULL, "no values of variable %d", v);
  if (e->nslot > STACK_SLOTS) {
    slot = malloc((size_t)e->nslot * SNA_EXPR_BLOCK * sizeof(double)); // PetscMalloc() is not thread safe
    PetscCheck(slot, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d slots", e->nslot);
  }
  for (PetscInt first = 0; first < n; first += SNA_EXPR_BLOCK) {
    const int count = (int)PetscMin(n - first, SNA_EXPR_BLOCK);

#define OPERAND(o) ((o) >= 0 ? slot + (size_t)(o)*SNA_EXPR_BLOCK : x[-(o)-1] + first)
    for (int k = 0; k < e->n; k++) {
      const SnaInstruction *step = &e->instruction[k];

      SnaInstructionApply(
        step, count, OPERAND(step->a), OPERAND(step->b), OPERAND(step->c), slot + (size_t)step->dst * SNA_EXPR_BLOCK);
    }
    memcpy(out + first, OPERAND(e->result), (size_t)count * sizeof(double));
#undef OPERAND
  }
  if (slot != stack) free(slot);
  PetscFunctionReturn(0);
}
