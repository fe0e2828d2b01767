// expr_impl.h - private to expr.c, expr_parse.c, expr_root.c, expr_jet.c and term.c: the syntax tree of a formula and the program
// made from it.
//
//   text --SnaTreeParse--> SnaTree --SnaExprFromNode--> SnaExpr (instructions on slots)
//                             |
//                             +--term.c: takes products apart on the tree, then makes one SnaExpr per variable
//
// In a tree every child has a smaller index than its parent, so all passes are loops over the array and a long formula
// costs no call stack. Subtrees of numbers only are folded into one SNA_OP_CONST as they are added.
#ifndef SNA_EXPR_IMPL_H
#define SNA_EXPR_IMPL_H

#include <sna/base.h>

#define SNA_MAX_DERIVATIVE 8 // highest order of a jet and of d(x,k)

typedef enum {
  // leaves
  SNA_OP_CONST,
  SNA_OP_VARIABLE,
  SNA_OP_DERIVATIVE, // d(var, order); only in the tree of a term, like the next and SNA_OP_APPLY
  SNA_OP_UNKNOWN,    // the unknown by its name: u (order 0) or d(u, var, order)
  // operators
  SNA_OP_APPLY, // a( b ), a is SNA_OP_DERIVATIVE
  SNA_OP_NEG,
  SNA_OP_ADD,
  SNA_OP_SUB,
  SNA_OP_MUL,
  SNA_OP_DIV,
  SNA_OP_POW,
  SNA_OP_EQ,
  SNA_OP_NE,
  SNA_OP_LT,
  SNA_OP_LE,
  SNA_OP_GT,
  SNA_OP_GE,
  SNA_OP_AND,
  SNA_OP_OR,
  SNA_OP_SELECT, // a ? b : c
  // functions
  SNA_OP_SIN,
  SNA_OP_COS,
  SNA_OP_TAN,
  SNA_OP_ASIN,
  SNA_OP_ACOS,
  SNA_OP_ATAN,
  SNA_OP_SINH,
  SNA_OP_COSH,
  SNA_OP_TANH,
  SNA_OP_EXP,
  SNA_OP_LOG,
  SNA_OP_LOG10,
  SNA_OP_SQRT,
  SNA_OP_CBRT,
  SNA_OP_ABS,
  SNA_OP_SIGN,
  SNA_OP_ERF,
  SNA_OP_ERFC,
  SNA_OP_MIN,
  SNA_OP_MAX,
  SNA_OP_ATAN2,
  // instructions only: one operand and the number `value`, or the integer `power`
  SNA_OP_ADD_CONST,   // a + value
  SNA_OP_CONST_SUB,   // value - a
  SNA_OP_MUL_CONST,   // a * value
  SNA_OP_DIV_CONST,   // a / value
  SNA_OP_CONST_DIV,   // value / a
  SNA_OP_POW_INTEGER, // a ^ power by multiplications
} SnaOp;

typedef struct {
  SnaOp     op;
  int       child[3];       // -1: none
  int       variable;       // of SNA_OP_VARIABLE, SNA_OP_DERIVATIVE and SNA_OP_UNKNOWN
  int       order;          // of SNA_OP_DERIVATIVE and SNA_OP_UNKNOWN
  double    value;          // of SNA_OP_CONST
  uint32_t  mask;           // variables that occur below; the x of d(x) does not count
  PetscBool has_derivative; // d(x) below
  PetscBool has_unknown;    // u or d(u,x) below
  int       nonfinite;      // a node below (or this one) whose constant is NaN or infinite, -1: none
  int       begin, end;     // text[begin..end), with the parentheses around it
} SnaNode;

typedef struct {
  const char       *text;
  const SnaSymbols *symbols;
  int               n, capacity;
  SnaNode          *node;
} SnaTree;

// One step of the program. Operands: >= 0 a slot, -(v+1) the variable v. dst is never a slot that the same instruction
// reads.
typedef struct {
  SnaOp    op;
  int      dst, a, b, c;
  int      power;
  double   value;
  uint32_t mask, bmask; // variables that the result and operand b depend on
} SnaInstruction;

struct SnaExpr_ {
  int             n; // instructions
  int             nslot;
  int             result; // operand
  uint32_t        mask;
  SnaInstruction *instruction;
};

// Parses text into an empty tree. On a user error *root is -1 and message says what. The tree must be destroyed in
// either case. `unknown`: its name, or NULL.
PetscErrorCode SnaTreeParse(SnaTree *tree, const char text[], const SnaSymbols *symbols, PetscBool derivatives,
  const char unknown[], int *root, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaTreeDestroy(SnaTree *tree);
// Adds a bare node without children.
PetscErrorCode SnaTreeNewNode(SnaTree *tree, SnaOp op, int *node);
// Adds a node over existing ones (-1: no child); folds constants. Its text runs from the first child's to the last's.
PetscErrorCode SnaTreeAdd(SnaTree *tree, SnaOp op, int a, int b, int c, int *node);
PetscErrorCode SnaTreeAddConstant(SnaTree *tree, double value, int *node);
// The root of a function between two nodes: `function` adds f at the node s and gives its node, which is any where the text is wrong.
typedef PetscErrorCode (*SnaTreeFunction)(void *ctx, int s, int *f);
PetscErrorCode SnaTreeAddRoot(SnaTree *tree, SnaTreeFunction function, void *ctx, int lo, int hi, int *node);
PetscErrorCode SnaExprFromNode(const SnaTree *tree, int root, SnaExpr *e);

// TRUE for integers so small that x^value is best multiplied out.
PetscBool SnaSmallInteger(double value, int *power);

// d[i] = op(a[i], b[i], c[i]) for i < n <= SNA_EXPR_BLOCK; d does not overlap the operands.
#define SNA_EXPR_BLOCK 256
void SnaInstructionApply(
  const SnaInstruction *step, int n, const double *a, const double *b, const double *c, double *restrict d);

#endif
