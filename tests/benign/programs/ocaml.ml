(* language: OCaml
   package: ocaml-nox
   needs: ocamlopt
   heavy: 450 MB
   compile: ocamlopt -o program ocaml.ml
   run: ./program
   compile-limits: memory=512m processes=50 cpu=20s wall=30s *)
let () =
  print_endline "hello, world";
  let composite = Array.make 100000 false in
  let count = ref 0 and sum = ref 0 in
  for n = 2 to 99999 do
    if not composite.(n) then begin
      incr count;
      sum := !sum + n;
      let m = ref (n * n) in
      while !m < 100000 do
        composite.(!m) <- true;
        m := !m + n
      done
    end
  done;
  Printf.printf "%d %d\n%!" !count !sum;
  let out = open_out "numbers.txt" in
  for n = 1 to 1000 do Printf.fprintf out "%d\n" n done;
  close_out out;
  let input = open_in "numbers.txt" in
  let total = ref 0 in
  (try while true do total := !total + int_of_string (input_line input) done
   with End_of_file -> ());
  Printf.printf "%d\n" !total
