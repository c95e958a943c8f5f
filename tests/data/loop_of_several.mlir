// Two tensors that a loop carries and one that it collects: each step adds 1 to the first and 2 to the second, and
// keeps the first as a row.
module @loops {
  func.func @carried(%count: tensor<i64>, %a0: tensor<4xf32>, %b0: tensor<4xf32>)
      -> (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) {
    %number = tensor.extract %count[] : tensor<i64>
    %n = arith.index_cast %number : i64 to index
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %ones = arith.constant dense<1.0> : tensor<4xf32>
    %twos = arith.constant dense<2.0> : tensor<4xf32>
    %none = tensor.empty(%n) : tensor<?x4xf32>
    %found:3 = scf.for %step = %zero to %n step %one iter_args(%a = %a0, %b = %b0, %rows = %none)
        -> (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) {
      %next_a = arith.addf %a, %ones : tensor<4xf32>
      %next_b = arith.addf %b, %twos : tensor<4xf32>
      %next_rows = tensor.insert_slice %next_a into %rows[%step, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<?x4xf32>
      scf.yield %next_a, %next_b, %next_rows : tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>
    }
    return %found#0, %found#1, %found#2 : tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>
  }
}
